import type { MatrixUnit } from '../matrix-unit.ts';

/** How a workgroup of the variant `matrix` is laid out. Sizes of workgroup memory count vec4<u32>. */
export interface AttentionLayout {
  /** Query rows of a workgroup and keys of a step. */
  readonly rows: number;
  readonly keys: number;
  readonly invocations: number;
  /** headDim rounded up to what the unit takes. */
  readonly width: number;
  /** Subgroups as a grid over rows x columns (of scores, and of outputs). */
  readonly gridRows: number;
  readonly gridColumns: number;
  /** Fragments of a subgroup: rows, columns of scores, columns of outputs, steps over the head and over the keys. */
  readonly rowFragments: number;
  readonly keyFragments: number;
  readonly outFragments: number;
  /** From a row to the next: of K, V (and at first Q), of the scores, of the weights. */
  readonly tileStride: number;
  readonly scoreStride: number;
  readonly weightStride: number;
  /** Where scores (and patches of outputs) and weights begin; K and V begin at 0. */
  readonly scoreBase: number;
  readonly weightBase: number;
  readonly stageSize: number;
  /** Invocations that share a row in the softmax. */
  readonly perRow: number;
}

/** Widest head: beyond it the outputs of 16 rows no longer fit a subgroup's registers. */
export const MAX_MATRIX_HEAD = 128;

/** Query rows, keys; large ones read K and V less often. */
const SIZES: readonly (readonly [rows: number, keys: number])[] = [
  [64, 64],
  [32, 64],
  [32, 32],
  [16, 32],
];
const INVOCATIONS = 128;

/** Bytes of workgroup memory beside the staging array: a float an invocation, two a row, flags. */
const SIDE_BYTES = INVOCATIONS * 4 + 64 * 4 + 64;

/** Variant name of a layout other than the planner's choice. */
export function layoutName({ rows, keys }: AttentionLayout): `matrix-${number}x${number}` {
  return `matrix-${rows}x${keys}`;
}

/** Layouts that fit, the planner's choice first: the largest. On software drivers small ones only, which compile fastest. */
export function fittingLayouts(unit: MatrixUnit, headDim: number): AttentionLayout[] {
  if (headDim > MAX_MATRIX_HEAD || unit.invocations < INVOCATIONS || (unit.k * 2) % 16 !== 0) return [];
  const sizes = unit.form === 'rolled' ? SIZES.filter(([rows, keys]) => rows <= 32 && keys <= 32) : SIZES;
  return sizes.flatMap(([rows, keys]) => {
    const layout = lay(unit, headDim, rows, keys);
    return layout && layout.stageSize * 16 + SIDE_BYTES <= unit.storage ? [layout] : [];
  });
}

/** The layout of a variant, `matrix` being the planner's choice; undefined where it does not fit. */
export function layMatrixAttention(unit: MatrixUnit, headDim: number, variant = 'matrix'): AttentionLayout | undefined {
  const fitting = fittingLayouts(unit, headDim);
  return variant === 'matrix' ? fitting[0] : fitting.find((layout) => layoutName(layout) === variant);
}

function lay(unit: MatrixUnit, headDim: number, rows: number, keys: number): AttentionLayout | undefined {
  const step = Math.max(unit.k, unit.n, 16);
  const width = Math.ceil(headDim / step) * step;
  const subgroups = INVOCATIONS / unit.subgroupSize;
  const gridRows = Math.min(subgroups, rows / unit.m);
  const gridColumns = subgroups / gridRows;
  const perRow = INVOCATIONS / rows;
  const counts = {
    rowFragments: rows / gridRows / unit.m,
    keyFragments: keys / gridColumns / unit.n,
    // Columns that the grid does not divide are computed by fewer subgroups: see outFragments in the text.
    outFragments: Math.ceil(width / unit.n / gridColumns),
  };
  const isWhole = [
    subgroups,
    gridRows,
    gridColumns,
    counts.rowFragments,
    counts.keyFragments,
    perRow,
    keys / perRow / 8,
  ];
  if (isWhole.some((count) => !Number.isInteger(count) || count < 1) || keys % unit.k !== 0) return undefined;
  const tileStride = width / 8 + 1;
  const scoreStride = keys / 4 + 1;
  const weightStride = keys / 8 + 1;
  const scoreBase = Math.max(rows, keys) * tileStride;
  const patches = (subgroups * unit.m * unit.n) / 4;
  const weightBase = scoreBase + Math.max(rows * scoreStride, patches);
  return {
    rows,
    keys,
    invocations: INVOCATIONS,
    width,
    gridRows,
    gridColumns,
    ...counts,
    tileStride,
    scoreStride,
    weightStride,
    scoreBase,
    weightBase,
    stageSize: weightBase + rows * weightStride,
    perRow,
  };
}

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
  /** Where scores (and patches of outputs) and weights begin; K and V, if staged, and at first Q begin at 0. */
  readonly scoreBase: number;
  readonly weightBase: number;
  readonly stageSize: number;
  /** Invocations that share a row in the softmax. */
  readonly perRow: number;
}

/** Widest head: beyond it the outputs of 16 rows no longer fit a subgroup's registers. */
export const MAX_MATRIX_HEAD = 128;

/** Query rows and keys of a workgroup's step, and its invocations. */
type Size = readonly [rows: number, keys: number, invocations: number];

/** The planner takes the first that fits: the more rows and keys, the less often K and V are read. */
const SIZES: readonly Size[] = [
  [64, 64, 128],
  [32, 64, 128],
  [32, 32, 128],
  [16, 32, 64],
];

/** On software drivers: small ones compile fastest. */
const SMALL_SIZES: readonly Size[] = [
  [32, 32, 128],
  [16, 32, 64],
  [32, 64, 128],
  [64, 64, 128],
];

/** More rows for the keys than above, for a tuner to try: fewer scores at a time, at 128 rows twice the subgroups. */
const TALL_SIZES: readonly Size[] = [
  [64, 32, 128],
  [128, 32, 256],
];

/** Bytes of workgroup memory beside the staging array: a float an invocation, one a row, flags. */
function sideBytes({ rows, invocations }: AttentionLayout): number {
  return invocations * 4 + rows * 4 + 64;
}

/** Variant name of a layout other than the planner's choice. */
export function layoutName({ rows, keys }: AttentionLayout): `matrix-${number}x${number}` {
  return `matrix-${rows}x${keys}`;
}

/** Whether K and V pass through workgroup memory, or are read as matrices from where they lie. */
export type KeySource = 'staged' | 'direct';

/** Where K and V are not staged, their rows are read up to the next multiple of it: 63 behind the last one at most. */
export const KEY_PADDING = 64;

/** Layouts that fit, the planner's choice first. */
export function fittingLayouts(unit: MatrixUnit, headDim: number, source: KeySource): AttentionLayout[] {
  if (headDim > MAX_MATRIX_HEAD || (unit.k * 2) % 16 !== 0) return [];
  const sizes = [...(unit.form === 'rolled' ? SMALL_SIZES : SIZES), ...TALL_SIZES];
  return sizes.flatMap((size) => {
    const layout = lay(unit, headDim, size, source);
    if (!layout || layout.invocations > unit.invocations) return [];
    return layout.stageSize * 16 + sideBytes(layout) <= unit.storage ? [layout] : [];
  });
}

/** The layout of a variant, `matrix` being the planner's choice; undefined where it does not fit. */
export function layMatrixAttention(
  unit: MatrixUnit,
  headDim: number,
  variant = 'matrix',
  source: KeySource = 'staged',
): AttentionLayout | undefined {
  const fitting = fittingLayouts(unit, headDim, source);
  return variant === 'matrix' ? fitting[0] : fitting.find((layout) => layoutName(layout) === variant);
}

function lay(
  unit: MatrixUnit,
  headDim: number,
  [rows, keys, invocations]: Size,
  source: KeySource,
): AttentionLayout | undefined {
  const step = Math.max(unit.k, unit.n, 16);
  const width = Math.ceil(headDim / step) * step;
  // A fragment would reach into the next head.
  if (source === 'direct' && width !== headDim) return undefined;
  const subgroups = invocations / unit.subgroupSize;
  const gridRows = Math.min(subgroups, rows / unit.m);
  const gridColumns = subgroups / gridRows;
  const perRow = invocations / rows;
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
  const scoreBase = source === 'direct' ? 0 : keys * tileStride;
  const patches = (subgroups * unit.m * unit.n) / 4;
  const weightBase = scoreBase + Math.max(rows * scoreStride, patches);
  return {
    rows,
    keys,
    invocations,
    width,
    gridRows,
    gridColumns,
    ...counts,
    tileStride,
    scoreStride,
    weightStride,
    scoreBase,
    weightBase,
    // Q passes through before there are scores, and may lie over them.
    stageSize: Math.max(weightBase + rows * weightStride, rows * tileStride),
    perRow,
  };
}

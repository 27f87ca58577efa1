import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { planRmsNorm, rmsNormVariants } from './rms-norm.ts';
import { rmsNormRow } from './rms-norm.reference.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly eps?: number;
  readonly fill?: RowFill;
  readonly x?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 1, columns: 7 },
  { rows: 5, columns: 64 },
  { rows: 17, columns: 97 },
  { rows: 3, columns: 1024, fill: 'spiky' },
  { rows: 4, columns: 130, fill: 'equal' },
  { rows: 4, columns: 36, fill: 'zeros' },
  // Values so small that eps decides: a swapped or missing eps shows at once.
  { rows: 9, columns: 48, fill: 'tiny', eps: 1e-6 },
  { rows: 6, columns: 20, x: { offset: 24, stride: 28 }, y: { offset: 4, stride: 40 } },
  { rows: 6, columns: 20, x: { offset: 3, stride: 21 }, y: { offset: 5, stride: 23 } },
  { rows: 4096, columns: 3584, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, eps = 1e-6, fill = 'uniform', benchOnly = false } = shape;
  const x = resolveView('rms_norm', 'x', shape.x, rows, columns);
  const y = resolveView('rms_norm', 'y', shape.y, rows, columns);
  const views = shape.x ? ` x ${x.offset}+${x.stride} y ${y.offset}+${y.stride}` : '';
  return {
    name: `[${rows},${columns}] ${fill}${views}`,
    variants: rmsNormVariants,
    plan: (facts, variant) => planRmsNorm(facts, { rows, columns, eps, x, y }, variant as RowSchemeName),
    inputs: (random) => ({
      x: makeRows(random, x, rows, columns, fill),
      weight: random.floats(columns),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const weight = floatsOf(inputs, 'weight');
      const row = (r: number) => rmsNormRow(rowAt(floatsOf(inputs, 'x'), x, r, columns), weight, eps);
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 1e-6, rtol: 2e-6, nmse: 2e-12 },
    benchOnly,
  };
}

/** Cases of `rms_norm`. */
export const cases: OpCases = { op: 'rms_norm', cases: SHAPES.map(makeCase) };

import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { scaleAddRow } from './scale-add.reference.ts';
import { planScaleAdd, scaleAddVariants } from './scale-add.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly alpha?: number;
  readonly beta?: number;
  /** Factors come from a buffer. */
  readonly buffer?: boolean;
  readonly repeatB?: boolean;
  readonly a?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 3, columns: 5, alpha: 1, beta: -1 },
  { rows: 6, columns: 64, alpha: 0.5, beta: 2 },
  { rows: 6, columns: 36, buffer: true, alpha: 1, beta: -0.75 },
  { rows: 6, columns: 7, buffer: true, alpha: 1.5, beta: 0.25 },
  { rows: 9, columns: 40, repeatB: true },
  { rows: 9, columns: 11, repeatB: true },
  { rows: 4, columns: 8, a: { offset: 4, stride: 12 }, y: { offset: 8, stride: 16 } },
  { rows: 4, columns: 8, a: { offset: 3, stride: 9 }, y: { offset: 1, stride: 10 } },
  { rows: 4096, columns: 3072, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, alpha = 1, beta = 1, buffer = false, repeatB = false, benchOnly = false } = shape;
  const a = resolveView('case', 'a', shape.a, rows, columns);
  const b = resolveView('case', 'b', undefined, repeatB ? 1 : rows, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  const factors = buffer ? { alpha: { scalar: 3 }, beta: { scalar: 1 } } : { alpha, beta };
  const options = { rows, columns, ...factors, repeatB, a, b, y };
  return {
    name: `[${rows},${columns}] ${alpha}a + ${beta}b${buffer ? ' buffer' : ''}${repeatB ? ' repeat' : ''} ${a.offset}+${a.stride}`,
    variants: () => scaleAddVariants(options),
    plan: (facts, variant) => planScaleAdd(facts, options, variant as UnitWidth),
    inputs: (random) => ({
      a: makeRows(random, a, rows, columns),
      b: makeRows(random, b, repeatB ? 1 : rows, columns),
      ...(buffer ? { scalars: Float32Array.of(Number.NaN, beta, Number.NaN, alpha) } : {}),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const row = (r: number) =>
        scaleAddRow(
          rowAt(floatsOf(inputs, 'a'), a, r, columns),
          rowAt(floatsOf(inputs, 'b'), b, repeatB ? 0 : r, columns),
          alpha,
          beta,
        );
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 5e-7, rtol: 5e-7, nmse: 1e-13 },
    benchOnly,
  };
}

/** Cases of `scale_add`. */
export const cases: OpCases = { op: 'scale_add', cases: SHAPES.map(makeCase) };

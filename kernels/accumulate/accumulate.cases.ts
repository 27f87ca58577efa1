import type { KernelCase, OpCases } from '../cases.ts';
import { expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { accumulateRow } from './accumulate.reference.ts';
import { accumulateVariants, planAccumulate } from './accumulate.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly keep: number;
  readonly weight: number;
  readonly x?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1, keep: 1, weight: 1 },
  { rows: 5, columns: 36, keep: 1, weight: -0.75 },
  { rows: 5, columns: 7, keep: -1.5, weight: 2 },
  { rows: 9, columns: 40, keep: 0, weight: 1 },
  { rows: 4, columns: 8, keep: 0.5, weight: 3, x: { offset: 4, stride: 12 }, y: { offset: 8, stride: 16 } },
  { rows: 4, columns: 8, keep: 0, weight: 1, x: { offset: 3, stride: 9 }, y: { offset: 1, stride: 10 } },
  { rows: 4096, columns: 3072, keep: 1, weight: 1, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, keep, weight, benchOnly = false } = shape;
  const x = resolveView('case', 'x', shape.x, rows, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  const options = { rows, columns, x, y, factorIndex: 3 };
  return {
    name: `[${rows},${columns}] ${keep}y + ${weight}x ${x.offset}+${x.stride} ${y.offset}+${y.stride}`,
    variants: () => accumulateVariants(options),
    plan: (facts, variant) => planAccumulate(facts, options, variant as UnitWidth),
    inputs: (random) => {
      const before = makeRows(random, y, rows, columns);
      return {
        x: makeRows(random, x, rows, columns),
        factors: Float32Array.of(Number.NaN, Number.NaN, Number.NaN, keep, weight),
        y: keep === 0 ? before.fill(Number.NaN) : before,
      };
    },
    expected: (inputs) => {
      const row = (r: number) =>
        accumulateRow(rowAt(floatsOf(inputs, 'y'), y, r, columns), rowAt(floatsOf(inputs, 'x'), x, r, columns), {
          keep,
          weight,
        });
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 5e-7, rtol: 5e-7, nmse: 1e-13 },
    benchOnly,
  };
}

/** Cases of `accumulate`. */
export const cases: OpCases = { op: 'accumulate', cases: SHAPES.map(makeCase) };

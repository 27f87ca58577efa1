import type { KernelCase, OpCases } from '../cases.ts';
import { floatsOf, makeRows, rowAt } from '../case-rows.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { resolveView, type ResolvedView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { absoluteSums } from './reduce.reference.ts';
import {
  planReduceFinish,
  planReducePartials,
  reduceFinishVariants,
  reducePartialCount,
  reducePartialsVariants,
} from './reduce.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly a?: RowView;
  readonly b?: RowView;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 3, columns: 100 },
  { rows: 61, columns: 77 },
  { rows: 33, columns: 64, a: { offset: 64, stride: 68 }, b: { offset: 4, stride: 64 } },
  { rows: 33, columns: 64, a: { offset: 5, stride: 67 } },
  { rows: 500, columns: 256 },
];

/** The rows of a view one after another, without what lies between them. */
function packed(data: Float32Array, view: ResolvedView, rows: number, columns: number): Float64Array {
  const values = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) values.set(rowAt(data, view, r, columns), r * columns);
  return values;
}

function partialsCase(shape: Shape): KernelCase {
  const { rows, columns } = shape;
  const a = resolveView('case', 'a', shape.a, rows, columns);
  const b = resolveView('case', 'b', shape.b, rows, columns);
  const partials = reducePartialCount(rows, columns);
  const options = { rows, columns, a, b };
  return {
    name: `partials [${rows},${columns}] ${a.offset}+${a.stride} ${b.offset}+${b.stride}`,
    variants: () => reducePartialsVariants(options),
    plan: (facts, variant) => planReducePartials(facts, options, variant as UnitWidth),
    inputs: (random) => ({ a: makeRows(random, a, rows, columns), b: makeRows(random, b, rows, columns) }),
    expected: (inputs, variant) => {
      const first = packed(floatsOf(inputs, 'a'), a, rows, columns);
      const second = packed(floatsOf(inputs, 'b'), b, rows, columns);
      const width = variant === 'vec4' ? 4 : 1;
      const sums = Array.from({ length: partials }, (_, i) =>
        absoluteSums(first, second, (e) => Math.floor(e / width) % partials === i),
      );
      return { partial: { dtype: 'f32', values: Float64Array.from(sums.flat()) } };
    },
    tolerance: { atol: 1e-6, rtol: 3e-6, nmse: 1e-12 },
  };
}

function finishCase(partials: number, count: number, resultOffset: number): KernelCase {
  return {
    name: `finish ${partials} of ${count} to ${resultOffset}`,
    variants: reduceFinishVariants,
    plan: (facts, variant) => planReduceFinish(facts, { partials, count, resultOffset }, variant as RowSchemeName),
    inputs: (random) => ({
      partial: Float32Array.from({ length: 2 * partials }, () => random.uniform(0, 500)),
      result: new Float32Array(resultOffset + 2).fill(7),
    }),
    expected: (inputs) => {
      const values = Float64Array.from(floatsOf(inputs, 'result'));
      const pairs = floatsOf(inputs, 'partial').subarray(0, 2 * partials);
      for (const part of [0, 1]) {
        const sum = pairs.reduce((total, value, i) => (i % 2 === part ? total + value : total), 0);
        values[resultOffset + part] = sum / count;
      }
      return { result: { dtype: 'f32', values } };
    },
    tolerance: { atol: 1e-6, rtol: 2e-5, nmse: 1e-10 },
  };
}

/** Cases of both stages of `reduce`; test/kernels/reduce.gpu.test.ts runs them one after the other. */
export const cases: OpCases = {
  op: 'reduce',
  cases: [...SHAPES.map(partialsCase), finishCase(1, 1, 0), finishCase(37, 9472, 3), finishCase(5000, 1280000, 2)],
};

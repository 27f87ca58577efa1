import type { KernelCase, OpCases } from '../cases.ts';
import { floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { scanValues } from './scan.reference.ts';
import { planScanFinish, planScanPartials, scanPartialCount, scanVariants } from './scan.ts';

/** The bits of an f32. */
function bitsOfFloat(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
}

function partialsCase(rows: number, columns: number, broken: number, view?: RowView): KernelCase {
  const x = resolveView('case', 'x', view, rows, columns);
  const partials = scanPartialCount(rows, columns);
  return {
    name: `partials [${rows},${columns}] ${broken} broken ${x.offset}+${x.stride}`,
    variants: scanVariants,
    plan: (facts) => planScanPartials(facts, { rows, columns, x }),
    inputs: (random) => {
      const data = makeRows(random, x, rows, columns, 'spiky');
      const kinds = [Number.NaN, Infinity, -Infinity];
      for (let i = 0; i < broken; i++)
        rowAt(data, x, random.integer(rows), columns)[random.integer(columns)] = kinds[i % 3] ?? 0;
      return { x: data };
    },
    expected: (inputs) => {
      const data = floatsOf(inputs, 'x');
      const values: number[] = [];
      for (let r = 0; r < rows; r++) values.push(...rowAt(data, x, r, columns));
      const pairs = Array.from({ length: partials }, (_, i) => {
        const found = scanValues(values.filter((_value, e) => e % partials === i));
        return [bitsOfFloat(found.most), found.broken];
      });
      return { partial: { dtype: 'u32', values: Float64Array.from(pairs.flat()) } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

function finishCase(partials: number, resultOffset: number): KernelCase {
  return {
    name: `finish ${partials} to ${resultOffset}`,
    variants: scanVariants,
    plan: (facts) => planScanFinish(facts, { partials, resultOffset }),
    inputs: (random) => ({
      partial: Uint32Array.from({ length: 2 * partials }, (_, i) =>
        i % 2 === 0 ? bitsOfFloat(random.uniform(0, 100)) : random.integer(3),
      ),
      result: new Uint32Array(resultOffset + 2).fill(7),
    }),
    expected: (inputs) => {
      const pairs = (inputs['partial'] as Uint32Array).subarray(0, 2 * partials);
      const values = Float64Array.from(inputs['result'] as Uint32Array);
      values[resultOffset] = pairs.filter((_, i) => i % 2 === 0).reduce((a, b) => Math.max(a, b), 0);
      values[resultOffset + 1] = pairs.filter((_, i) => i % 2 === 1).reduce((a, b) => a + b, 0);
      return { result: { dtype: 'u32', values } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

/** Cases of both stages of `scan`. */
export const cases: OpCases = {
  op: 'scan',
  cases: [
    partialsCase(1, 1, 0),
    partialsCase(13, 100, 7),
    partialsCase(40, 33, 3, { offset: 5, stride: 37 }),
    finishCase(1, 0),
    finishCase(300, 3),
  ],
};

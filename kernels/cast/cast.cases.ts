import type { CaseRandom, KernelCase, OpCases } from '../cases.ts';
import { floatsOf } from '../case-rows.ts';
import { roundTo, valueOf } from './cast.reference.ts';
import { castVariants, planCast } from './cast.ts';

/** Values at which a narrowing goes wrong first: ties, carries into the exponent, subnormals, overflow, signs, NaN. */
const EDGES: readonly number[] = [
  0,
  -0,
  1,
  -1,
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  1 + 2 ** -8,
  1 + 3 * 2 ** -8,
  2 - 2 ** -12,
  2 - 2 ** -9,
  65504,
  65519,
  65520,
  -65520,
  1e6,
  2 ** -14,
  2 ** -14 - 2 ** -25,
  2 ** -24,
  2 ** -25,
  2 ** -25 + 2 ** -40,
  3 * 2 ** -25,
  -(2 ** -26),
  1e-30,
  3.38e38,
  3.4e38,
  -3.4e38,
  Infinity,
  -Infinity,
  Number.NaN,
  5.9e-8,
  6.1e-5,
];

/** Random f32 of every exponent. */
function wideFloats(random: CaseRandom, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) =>
    i < EDGES.length ? (EDGES[i] ?? 0) : random.uniform(-2, 2) * 2 ** random.uniform(-30, 20),
  );
}

function narrowCase(to: 'f16' | 'bf16', count: number, xOffset: number, yOffset: number): KernelCase {
  return {
    name: `f32 to ${to}, ${count} from ${xOffset} to ${yOffset}`,
    variants: castVariants,
    plan: (facts) => planCast(facts, { from: 'f32', to, count, xOffset, yOffset }),
    inputs: (random) => ({
      x: wideFloats(random, xOffset + count),
      y: new Uint16Array(2 * Math.ceil((yOffset + count) / 2)),
    }),
    expected: (inputs) => {
      const values = new Float64Array(2 * Math.ceil((yOffset + count) / 2));
      floatsOf(inputs, 'x')
        .subarray(xOffset)
        .forEach((value, i) => (values[yOffset + i] = roundTo(value, to)));
      return { y: { dtype: to, values } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

function widenCase(from: 'f16' | 'bf16', count: number, xOffset: number, yOffset: number): KernelCase {
  return {
    name: `${from} to f32, ${count} from ${xOffset} to ${yOffset}`,
    variants: castVariants,
    plan: (facts) => planCast(facts, { from, to: 'f32', count, xOffset, yOffset }),
    // Every one of the 65,536 codes where the count allows.
    inputs: () => ({
      x: Uint16Array.from({ length: xOffset + count + (count % 2) }, (_, i) => (i - xOffset) & 0xffff),
      y: new Float32Array(yOffset + count).fill(7),
    }),
    expected: (inputs) => {
      const values = Float64Array.from(floatsOf(inputs, 'y'));
      const codes = inputs['x'] as Uint16Array;
      for (let i = 0; i < count; i++) values[yOffset + i] = valueOf(codes[xOffset + i] ?? 0, from);
      return { y: { dtype: 'f32', values } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

/** Cases of `cast`. */
export const cases: OpCases = {
  op: 'cast',
  cases: (['f16', 'bf16'] as const).flatMap((dtype) => [
    narrowCase(dtype, 1, 0, 0),
    narrowCase(dtype, 4001, 0, 0),
    narrowCase(dtype, 77, 3, 6),
    widenCase(dtype, 1, 0, 0),
    widenCase(dtype, 65536, 0, 0),
    widenCase(dtype, 77, 4, 5),
  ]),
};

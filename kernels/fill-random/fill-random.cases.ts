import type { KernelCase, OpCases } from '../cases.ts';
import { randomValue } from './fill-random.reference.ts';
import { planFillRandom, type FillRandomOptions } from './fill-random.ts';

/** Half a unit in the last place of each dtype, relative; i8 codes are exact. */
const ROUNDING = { f32: 2 ** -23, f16: 2 ** -11, bf16: 2 ** -8, i8: 0 } as const;
const PER_WORD = { f32: 1, f16: 2, bf16: 2, i8: 4 } as const;

function makeCase(options: FillRandomOptions, benchOnly = false): KernelCase {
  const { words, dtype, seed, scale = 1 } = options;
  return {
    name: `${words} words of ${dtype}, seed ${seed}, scale ${scale}`,
    variants: () => [dtype],
    plan: (facts) => planFillRandom(facts, options),
    inputs: () => ({}),
    expected: () => ({
      out: {
        dtype,
        values: Float64Array.from({ length: words * PER_WORD[dtype] }, (_, i) => randomValue(dtype, seed, i, scale)),
      },
    }),
    // f16 below 2^-14 is subnormal: there its step is absolute.
    tolerance: { atol: dtype === 'f16' ? 2 ** -24 : 0, rtol: ROUNDING[dtype], nmse: 1e-5 },
    benchOnly,
  };
}

/** Cases of `fill_random`. */
export const cases: OpCases = {
  op: 'fill_random',
  cases: [
    makeCase({ words: 1, dtype: 'f32', seed: 0 }),
    makeCase({ words: 1001, dtype: 'f32', seed: 0xffffffff, scale: 0.3 }),
    makeCase({ words: 777, dtype: 'f16', seed: 7, scale: 0.02 }),
    makeCase({ words: 777, dtype: 'bf16', seed: 8, scale: 3 }),
    makeCase({ words: 100, dtype: 'i8', seed: 9 }),
    makeCase({ words: 2 ** 20, dtype: 'f16', seed: 1 }, true),
  ],
};

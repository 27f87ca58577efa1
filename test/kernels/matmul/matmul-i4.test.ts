import { getFloat16, setFloat16 } from '@petamoriken/float16';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { quantiseGroups } from '../../../kernels/matmul/matmul-i4.ts';
import { planMatmul } from '../../../kernels/matmul/matmul.ts';
import { matmulWeightLayout, packMatmulWeight } from '../../../kernels/matmul/weight-layout.ts';

const half = (code: number): number => {
  const view = new DataView(new ArrayBuffer(2));
  view.setUint16(0, code);
  return getFloat16(view, 0);
};
const codeOf = (value: number): number => {
  const view = new DataView(new ArrayBuffer(2));
  setFloat16(view, 0, value);
  return view.getUint16(0);
};
const nibble = (data: Uint8Array, i: number): number => (i % 2 === 0 ? data[i >> 1] & 15 : data[i >> 1] >> 4);

describe('int4 weights', () => {
  it('keep what lies on the grid of a group exactly, and use all 16 codes', () => {
    const grid = Float32Array.from({ length: 64 }, (_, i) => ((i % 16) - 8) * 0.375);
    const { data, scales } = quantiseGroups(grid, 1, 64, 64);
    expect(half(scales[0])).toBe(0.375);
    grid.forEach((value, i) => expect((nibble(data, i) - 8) * 0.375).toBe(value));
  });

  it('are off by at most half a step of their group, or a step at the far end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 100, maxLength: 100 }),
        (values) => {
          const { data, scales } = quantiseGroups(values, 1, 100, 128);
          values.forEach((value, i) => {
            const scale = half(scales[Math.floor(i / 64)]);
            const back = (nibble(data, i) - 8) * scale;
            // The value opposite to the extreme may need code 16, which is not there.
            expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.abs(scale) * 1.01 + 2 ** -25 * 8);
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('round scales as f16 does', () => {
    fc.assert(
      fc.property(fc.double({ min: -60000 * 8, max: 60000 * 8, noNaN: true }), (extreme) => {
        const { scales } = quantiseGroups([extreme], 1, 1, 64);
        expect(half(scales[0]) + 0).toBe(half(codeOf(-extreme / 8)) + 0); // the sign of a zero scale does not matter
      }),
      { numRuns: 500 },
    );
    for (const extreme of [2 ** -25 * 8, 2 ** -24 * 12, 2 ** -14 * 8 * (1 - 2 ** -12), 8 * 65504])
      expect(half(quantiseGroups([extreme], 1, 1, 64).scales[0])).toBe(half(codeOf(-extreme / 8)));
  });

  it('pad rows to whole groups with zeros', () => {
    const format = matmulWeightLayout(FLOOR_FACTS, 2, 3, 'i4');
    expect(format).toMatchObject({ dtype: 'i4', order: 'nk', stride: 64, shape: [2, 64] });
    const { data } = packMatmulWeight(Float32Array.of(1, 2, -8, 4, 0, 0), 2, 3, format);
    expect(data.length).toBe(64);
    expect([0, 1, 2, 3, 63].map((i) => nibble(data, i) - 8)).toEqual([1, 2, -8, 0, 0]);
    expect([64, 65, 66].map((i) => nibble(data, i) - 8)).toEqual([-8, 0, 0]);
  });

  it('refuse what they cannot hold', () => {
    expect(() => quantiseGroups([Number.NaN], 1, 1, 64)).toThrow('matmul: an int4 weight must be finite');
    expect(() => quantiseGroups([1e6], 1, 1, 64)).toThrow('beyond what an f16 scale holds');
  });

  it.each([
    [{ order: 'kn' as const, stride: 64 }, 'matmul: an i4 weight must lie in order nk'],
    [{ order: 'nk' as const, group: 12 }, 'matmul: groups of an i4 weight must be multiples of 8 inputs, got 12.'],
    [{ order: 'nk' as const, stride: 96 }, 'matmul: rows of an i4 weight must start at multiples of its group of 64'],
  ])('are refused in another layout: %j', (view, message) => {
    expect(() => planMatmul(FLOOR_FACTS, { m: 8, n: 64, k: 64, w: { dtype: 'i4', ...view } })).toThrow(message);
  });
});

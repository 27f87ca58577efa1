import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fma32, roundToBfloat16 } from '../../../model/sampler/float-rounding.ts';

/** Value of a finite double as an integer times 2^-1200, exactly. */
function scaled(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const word = view.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const mantissa = exponent === 0n ? fraction : fraction | (1n << 52n);
  const magnitude = mantissa << (1200n - 1075n + (exponent === 0n ? 1n : exponent));
  return word >> 63n === 1n ? -magnitude : magnitude;
}

/** a * b + c rounded once to float32, by comparing exact distances of the neighbours. */
function exactFma(a: number, b: number, c: number): number {
  const exact = scaled(a) * scaled(b) + (scaled(c) << 1200n);
  const near = Math.fround(a * b + c);
  const words = new Int32Array(1);
  const floats = new Float32Array(words.buffer);
  floats[0] = near;
  const word = words[0];
  let best = near;
  let bestDistance: bigint | undefined;
  for (const step of [-1, 0, 1]) {
    words[0] = word + step;
    const candidate = floats[0];
    if (!Number.isFinite(candidate)) continue;
    const distance = exact - (scaled(candidate) << 1200n);
    const size = distance < 0n ? -distance : distance;
    const isEven = (words[0] & 1) === 0;
    if (bestDistance === undefined || size < bestDistance || (size === bestDistance && isEven)) {
      best = candidate;
      bestDistance = size;
    }
  }
  return best;
}

const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e4), max: Math.fround(1e4) });

describe('fma32', () => {
  test('rounds once', () => {
    fc.assert(
      fc.property(float, float, float, (a, b, c) => {
        expect(fma32(a, b, c) + 0).toBe(exactFma(a, b, c) + 0);
      }),
      { numRuns: 2000 },
    );
  });

  test('differs from two roundings where the float64 sum is a tie', () => {
    // 1 + 2^-24 is half way between two float32 numbers; the product's tail of 2^-80 decides.
    const c = Math.fround(1 + 2 ** -23);
    for (const sign of [1, -1]) {
      const a = Math.fround(2 ** -24 * (1 + sign * 2 ** -23));
      const b = Math.fround(1 - sign * 2 ** -23);
      const direct = Math.fround(a * b + c);
      expect(exactFma(a, b, c)).not.toBe(direct);
      expect(fma32(a, b, c)).toBe(exactFma(a, b, c));
    }
  });

  test('keeps infinities and NaN', () => {
    expect(fma32(Infinity, 1, 0)).toBe(Infinity);
    expect(fma32(Infinity, 0, 1)).toBeNaN();
    expect(fma32(2 ** 127, 4, 0)).toBe(Infinity);
  });
});

describe('roundToBfloat16', () => {
  test('rounds to nearest, ties to even', () => {
    expect(roundToBfloat16(1 + 2 ** -8)).toBe(1);
    expect(roundToBfloat16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
    expect(roundToBfloat16(1 + 2 ** -8 + 2 ** -20)).toBe(1 + 2 ** -7);
    expect(roundToBfloat16(-0)).toBe(-0);
    expect(roundToBfloat16(NaN)).toBeNaN();
    expect(roundToBfloat16(3.4e38)).toBe(Infinity);
    expect(roundToBfloat16(989.701)).toBe(988);
  });
});

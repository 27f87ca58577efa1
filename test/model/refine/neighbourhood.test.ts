import { describe, expect, it } from 'vitest';
import { blur, localExtremes } from '../../../model/refine/neighbourhood.ts';
import { seededRandom } from '../../support/random.ts';

const SIZES = [
  [1, 1],
  [1, 9],
  [7, 1],
  [5, 8],
  [31, 17],
] as const;

/** Means over 2 r + 1 samples, twice along each axis, written as one sum over the whole neighbourhood. */
function directBlur(data: Float32Array, width: number, height: number, radius: number): number[] {
  const tap = (d: number): number => Math.max(0, 2 * radius + 1 - Math.abs(d)) / (2 * radius + 1) ** 2;
  return Array.from(data, (_, at) => {
    let sum = 0;
    for (let i = 0; i < data.length; i++) {
      const dx = (i % width) - (at % width);
      const dy = Math.floor(i / width) - Math.floor(at / width);
      sum += inReach(at, dx, dy) * data[i];
    }
    return sum;
    function inReach(from: number, dx: number, dy: number): number {
      // A first mean that lies beyond the border is not there for the second one.
      return axis(from % width, dx, width) * axis(Math.floor(from / width), dy, height);
    }
  });
  function axis(from: number, d: number, length: number): number {
    if (Math.abs(d) > 2 * radius) return 0;
    if (from >= radius && from < length - radius) return tap(d);
    let count = 0;
    for (let middle = Math.max(0, from - radius); middle <= Math.min(length - 1, from + radius); middle++)
      if (Math.abs(middle - from - d) <= radius) count++;
    return count / (2 * radius + 1) ** 2;
  }
}

describe('blur', () => {
  it.each(SIZES)('of %i x %i is two running means along each axis', (width, height) => {
    const source = seededRandom(width * 100 + height);
    const random = (): number => source.uniform(0, 1);
    const data = Float32Array.from({ length: width * height }, () => random());
    for (const [sigma, radius] of [
      [0.5, 1],
      [1.2, 1],
      [4, 4],
      [12, 14],
    ]) {
      const wanted = directBlur(data, width, height, radius);
      const got = blur({ width, height, data }, sigma);
      for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(wanted[i], 5);
    }
  });

  it('spreads a point by its standard deviation and keeps the sum', () => {
    const [width, height] = [101, 101];
    const data = new Float32Array(width * height);
    data[50 * width + 50] = 1;
    for (const sigma of [2, 5, 12]) {
      const out = blur({ width, height, data }, sigma);
      let [sum, square] = [0, 0];
      out.forEach((value, i) => {
        sum += value;
        square += value * ((i % width) - 50) ** 2;
      });
      expect(sum).toBeCloseTo(1, 4);
      expect(Math.abs(Math.sqrt(square) / sigma - 1)).toBeLessThan(0.1);
    }
  });
});

describe('localExtremes', () => {
  it.each(SIZES)('of %i x %i are the least and the largest of what lies near', (width, height) => {
    const source = seededRandom(width + 7 * height);
    const random = (): number => source.uniform(0, 1);
    const data = Float32Array.from({ length: width * height }, () => random());
    for (const radius of [0, 1, 2, 5]) {
      const { low, high } = localExtremes({ width, height, data }, radius);
      for (let at = 0; at < data.length; at++) {
        const near = Array.from(data).filter(
          (_, i) =>
            Math.abs((i % width) - (at % width)) <= radius &&
            Math.abs(Math.floor(i / width) - Math.floor(at / width)) <= radius,
        );
        expect([low[at], high[at]]).toEqual([Math.min(...near), Math.max(...near)]);
      }
    }
  });
});

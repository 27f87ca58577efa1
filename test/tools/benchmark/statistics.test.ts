import { describe, expect, it } from 'vitest';
import { errorOf, geometricMean, medianError, spreadOf } from '../../../tools/benchmark/statistics.ts';

describe('statistics of the bench', () => {
  it('takes percentiles between neighbours', () => {
    expect(spreadOf([5, 1, 3, 2, 4])).toEqual({ p10: 1.4, p50: 3, p90: 4.6, n: 5 });
    expect(spreadOf([7])).toEqual({ p10: 7, p50: 7, p90: 7, n: 1 });
    expect(() => spreadOf([])).toThrow(RangeError);
  });

  it('estimates the error of a median that repeated draws show', () => {
    // 200 medians of 25 draws each: their own deviation is what the estimate of one draw must tell.
    let state = 1;
    const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
    const normal = (): number => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
    const spreads = Array.from({ length: 200 }, () => spreadOf(Array.from({ length: 25 }, () => 10 + normal())));
    const medians = spreads.map(({ p50 }) => p50);
    const mean = medians.reduce((a, b) => a + b) / medians.length;
    const deviation = Math.sqrt(medians.reduce((sum, m) => sum + (m - mean) ** 2, 0) / medians.length);
    const estimate = spreads.reduce((sum, spread) => sum + medianError(spread), 0) / spreads.length;
    expect(estimate / deviation).toBeGreaterThan(0.7);
    expect(estimate / deviation).toBeLessThan(1.4);
  });

  it('relates the largest error to the largest value', () => {
    expect(errorOf([1, 2, -4.5], [1, 2, -4])).toEqual({ max: 0.125, rms: Math.sqrt(0.25 / 21) });
    expect(errorOf([1, NaN], [1, 2]).max).toBe(Infinity);
    expect(errorOf([1], [1, 2]).max).toBe(Infinity);
    // Where the reference itself is NaN nothing is asked.
    expect(errorOf([1, 5], [1, NaN]).max).toBe(0);
  });

  it('means ratios geometrically', () => {
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
  });
});

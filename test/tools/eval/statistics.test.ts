import { describe, expect, test } from 'vitest';
import { estimate, quantile, resample, sumOf } from '../../../tools/eval/bootstrap.ts';
import { figureOf, METRIC_KEYS, METRICS } from '../../../tools/eval/metric-table.ts';
import type { EvalRecord } from '../../../tools/eval/score-design.ts';
import { summarize } from '../../../tools/eval/summarize.ts';

describe('figures of parts', () => {
  test('mean, ratio and pooled PSNR', () => {
    expect(figureOf('mean', [3, 4])).toBe(0.75);
    expect(figureOf('ratio', [1, 8])).toBe(0.125);
    expect(figureOf('pooledPsnr', [0.5, 50])).toBeCloseTo(20, 9);
    expect(figureOf('pooledPsnr', [0, 50])).toBe(50);
    for (const form of ['mean', 'ratio', 'pooledPsnr'] as const) expect(figureOf(form, [0, 0])).toBeUndefined();
  });

  test('every metric has a short name and a sentence', () => {
    expect(new Set(METRIC_KEYS.map((key) => METRICS[key].label)).size).toBe(METRIC_KEYS.length);
    for (const key of METRIC_KEYS) {
      expect(METRICS[key].label.length).toBeLessThanOrEqual(30);
      expect(METRICS[key].about.length).toBeGreaterThan(5);
    }
  });
});

describe('bootstrap', () => {
  test('draws as many designs as there are, the same for the same seed', () => {
    const drawn = resample(7, 20, 3);
    expect(drawn.length).toBe(20);
    for (const counts of drawn) expect(counts.reduce((sum, count) => sum + count, 0)).toBe(7);
    expect(resample(7, 20, 3)).toEqual(drawn);
    expect(resample(7, 20, 4)).not.toEqual(drawn);
  });

  test('the interval of a mean is about 1.96 standard errors', () => {
    const values = Array.from({ length: 100 }, (_, i) => i % 2);
    const parts = values.map((value) => [value, 1] as const);
    const figure = estimate('mean', parts, resample(100, 4000, 1));
    expect(figure?.value).toBe(0.5);
    expect(figure?.designs).toBe(100);
    const error = 1.96 * Math.sqrt(0.25 / 100);
    expect(figure?.low).toBeCloseTo(0.5 - error, 1);
    expect(figure?.high).toBeCloseTo(0.5 + error, 1);
    expect((figure?.high ?? 0) - (figure?.low ?? 0)).toBeGreaterThan(1.7 * error);
    expect((figure?.high ?? 0) - (figure?.low ?? 0)).toBeLessThan(2.3 * error);
  });

  test('layers of one design stand or fall together', () => {
    // Two designs of fifty equal layers each: there are only two things to draw.
    const figure = estimate('mean', [[0, 50], [50, 50]], resample(2, 500, 1)); // prettier-ignore
    expect([figure?.low, figure?.value, figure?.high]).toEqual([0, 0.5, 1]);
  });

  test('a ratio is of sums, and designs without a part do not count', () => {
    const parts = [[1, 10], undefined, [9, 10]] as const;
    const figure = estimate('ratio', parts, resample(3, 100, 1));
    expect(figure?.value).toBe(0.5);
    expect(figure?.designs).toBe(2);
    expect(estimate('mean', [undefined, undefined], resample(2, 10, 1))).toBeUndefined();
    expect(sumOf([[1, 2], [3, 4]])).toEqual([4, 6]); // prettier-ignore
  });

  test('quantiles interpolate', () => {
    expect(quantile([0, 10, 20], 0.25)).toBe(5);
    expect(quantile([4], 0.975)).toBe(4);
  });
});

test('records are summed by design, and grouped by their tags', () => {
  const record = (design: number, value: number, element?: string): EvalRecord => ({
    design,
    tags: { layerCount: design === 0 ? '1' : '2-3', overflow: 'inside', ...(element === undefined ? {} : { element }) },
    score: element === undefined ? { mergedPsnr: [value, 1] } : { alphaIou: [value, 1] },
  });
  const records = [
    record(0, 0.2, 'star'),
    record(1, 0.4, 'star'),
    record(1, 0.9, 'ring'),
    record(0, 10),
    record(1, 30),
  ];
  const { overall, groups } = summarize(records, resample(2, 50, 1));
  expect(overall.alphaIou?.value).toBeCloseTo(0.5, 9);
  expect(overall.alphaIou?.designs).toBe(2);
  expect(overall.mergedPsnr?.value).toBe(20);
  expect(Object.keys(groups.element)).toEqual(['ring', 'star']);
  expect(groups.element.star?.alphaIou?.value).toBeCloseTo(0.3, 9);
  expect(groups.element.star?.mergedPsnr).toBeUndefined();
  expect(groups.layerCount['1']?.mergedPsnr?.value).toBe(10);
  expect(groups.layerCount['2-3']?.alphaIou?.value).toBeCloseTo(0.65, 9);
  expect(groups.overflow.inside?.alphaIou?.designs).toBe(2);
});

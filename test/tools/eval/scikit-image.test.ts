import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PSNR_CAP, psnr } from '../../../tools/eval/psnr.ts';
import { meanOver, ssim, ssimMap } from '../../../tools/eval/ssim.ts';

interface MetricCase {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly a: string;
  readonly b: string;
  readonly mask: string;
  readonly psnr: number | null;
  readonly psnrMasked: number | null;
  readonly ssim: number;
  readonly ssimMasked: number;
  readonly map: readonly number[];
}

const file = new URL('../../golden/metrics/scikit-image.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: MetricCase[] };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const unit = (text: string): Float32Array => Float32Array.from(bytes(text), (value) => value / 255);

// Pictures reach us as f32: their rounding, 6e-8, is the only difference from scikit-image's doubles.
describe.each(cases)('scikit-image, $name', (some) => {
  const [a, b, mask] = [unit(some.a), unit(some.b), bytes(some.mask)];

  test('PSNR', () => {
    expect(psnr(a, b, some.channels)).toBeCloseTo(some.psnr ?? PSNR_CAP, 5);
    expect(psnr(a, b, some.channels, mask)).toBeCloseTo(some.psnrMasked ?? PSNR_CAP, 5);
  });

  test('SSIM', () => {
    expect(Math.abs(ssim(a, b, some) - some.ssim)).toBeLessThan(2e-6);
    const map = ssimMap(a, b, some);
    expect(map.length).toBe(some.map.length);
    expect(Math.max(...some.map.map((value, i) => Math.abs(value - (map[i] as number))))).toBeLessThan(1e-5);
    expect(Math.abs((meanOver(map, mask) ?? 0) - some.ssimMasked)).toBeLessThan(2e-6);
  });
});

test('a set of cases that says something', () => {
  expect(cases.length).toBeGreaterThanOrEqual(6);
  const figures = cases.map((some) => some.ssim);
  expect(Math.min(...figures)).toBeLessThan(0.1);
  expect(Math.max(...figures)).toBe(1);
});

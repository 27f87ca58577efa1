import { describe, expect, test } from 'vitest';

import { TorchRng } from '../../../model/sampler/torch-rng.ts';
import { UsageError } from '../../../runtime/errors.ts';

describe('TorchRng', () => {
  test('gives the numbers that torch prints for manual_seed(0)', () => {
    // torch.manual_seed(0); torch.randn(4), torch.rand(2): printed with four digits in many public documents
    const normals = new TorchRng(0).randn(4);
    expect([...normals].map((x) => x.toFixed(4))).toEqual(['1.5410', '-0.2934', '-2.1788', '0.5684']);
    const uniforms = new TorchRng(0).rand(2);
    expect([...uniforms].map((x) => x.toFixed(4))).toEqual(['0.4963', '0.7682']);
  });

  test('counts only the low 32 bits of a seed', () => {
    const low = new TorchRng(7).randn(20);
    expect(new TorchRng(2 ** 32 + 7).randn(20)).toEqual(low);
    expect(new TorchRng((1n << 63n) + 7n).randn(20)).toEqual(low);
    expect(new TorchRng(8).randn(20)).not.toEqual(low);
  });

  test('keeps the second of a pair across long and uniform draws', () => {
    const direct = new TorchRng(42).randn(4, 'f64');
    const rng = new TorchRng(42);
    rng.randn(3, 'f64');
    rng.randn(40);
    rng.rand(5);
    expect(rng.randn(1, 'f64')[0]).toBe(direct[3]);
  });

  test('an incomplete block consumes 33 outputs in f32 and 32 in bf16', () => {
    const reference = new TorchRng(5);
    const outputs = reference.rand(34);
    const single = new TorchRng(5);
    single.randn(17);
    expect(single.rand(1)[0]).toBe(outputs[33]);
    const half = new TorchRng(5);
    half.randn(17, 'bf16');
    expect(half.rand(1)[0]).toBe(outputs[32]);
  });

  test('is standard normal', () => {
    const values = new TorchRng(1).randn(100_000);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1)).toBeLessThan(0.015);
    expect(values.some((x) => Object.is(x, -0))).toBe(false);
  });

  test('draws the noise of a 640 x 640 picture of four layers', () => {
    const values = new TorchRng(0).randn(512_000);
    expect(values).toHaveLength(512_000);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('draws nothing for a count of 0 and refuses what is no count or seed', () => {
    expect(new TorchRng(0).randn(0)).toHaveLength(0);
    expect(() => new TorchRng(0).randn(1.5)).toThrow(
      'torch_rng: the number of values must be an integer >= 0, got 1.5.',
    );
    expect(() => new TorchRng(2 ** 53)).toThrow(UsageError);
  });
});

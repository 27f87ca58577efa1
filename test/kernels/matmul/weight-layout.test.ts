import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import {
  matmulWeightLayout,
  packMatmulWeight,
  type MatmulWeightFormat,
} from '../../../kernels/matmul/weight-layout.ts';

const across = (format: MatmulWeightFormat, stride: number, k: number): MatmulWeightFormat => ({
  ...format,
  order: 'kn',
  stride,
  shape: [k, stride],
});

function codes(data: Uint8Array): number[] {
  return Array.from(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2));
}

function floats(data: Uint8Array): number[] {
  return Array.from(new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4));
}

describe('packMatmulWeight', () => {
  it('hands a weight through untouched where nothing has to move', () => {
    const format = matmulWeightLayout(FLOOR_FACTS, 3, 8, 'bf16');
    expect(format).toEqual({ dtype: 'bf16', order: 'nk', stride: 8, shape: [3, 8] });
    const values = Uint16Array.from({ length: 24 }, (_, i) => 0x7fc1 + i * 1259); // NaNs with payloads among them
    const { data, scales } = packMatmulWeight(values, 3, 8, format);
    expect(data.buffer).toBe(values.buffer);
    expect(codes(data)).toEqual([...values]);
    expect(scales).toBeUndefined();
  });

  it.each(['f16', 'bf16'] as const)('keeps every bit of %s where rows are padded or turned', (dtype) => {
    const format = matmulWeightLayout(FLOOR_FACTS, 2, 3, dtype);
    const values = Uint16Array.from([0x0001, 0xffff, 0x7c01, 0x8000, 0x7f81, 0x1234]);
    expect(format.stride).toBe(4);
    expect(codes(packMatmulWeight(values, 2, 3, format).data)).toEqual([
      0x0001, 0xffff, 0x7c01, 0, 0x8000, 0x7f81, 0x1234, 0,
    ]);
    expect(codes(packMatmulWeight(values, 2, 3, across(format, 4, 3)).data)).toEqual([
      0x0001, 0x8000, 0, 0, 0xffff, 0x7f81, 0, 0, 0x7c01, 0x1234, 0, 0,
    ]);
  });

  it('pads f32 rows with zeros', () => {
    const format = matmulWeightLayout(FLOOR_FACTS, 2, 5, 'f32');
    const values = Float32Array.from({ length: 10 }, (_, i) => i + 1);
    expect(floats(packMatmulWeight(values, 2, 5, format).data)).toEqual([
      1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0,
    ]);
  });

  it('quantises each channel by its own largest value, ties to even', () => {
    const format = matmulWeightLayout(FLOOR_FACTS, 4, 4, 'i8');
    const values = Float32Array.from([
      127, 2.5, 3.5, -2.5, -0.5, 0.25, -0.25, 0.001, 0, 0, 0, 0, 1e-30, -1e-30, 0, 6e-31,
    ]);
    const { data, scales } = packMatmulWeight(values, 4, 4, format);
    expect(Array.from(new Int8Array(data.buffer))).toEqual([
      127, 2, 4, -2, -127, 64, -64, 0, 0, 0, 0, 0, 127, -127, 0, 76,
    ]);
    expect(Array.from(scales ?? [])).toEqual([1, Math.fround(0.5 / 127), 0, Math.fround(Math.fround(1e-30) / 127)]);
  });

  it('is never more than half a step off', () => {
    const n = 5;
    const k = 37;
    const values = Float32Array.from({ length: n * k }, (_, i) => Math.sin(i * i) * 10 ** (i % 5));
    const format = matmulWeightLayout(FLOOR_FACTS, n, k, 'i8');
    const { data, scales } = packMatmulWeight(values, n, k, format);
    const stored = new Int8Array(data.buffer);
    for (let c = 0; c < n; c++)
      for (let i = 0; i < k; i++) {
        const step = scales?.[c] ?? 0;
        expect(Math.abs(stored[c * format.stride + i] * step - values[c * k + i])).toBeLessThanOrEqual(step * 0.5001);
      }
  });

  it('refuses wrong counts, wrong kinds, and infinities in int8', () => {
    const format = (dtype: 'f32' | 'f16' | 'i8') => matmulWeightLayout(FLOOR_FACTS, 2, 2, dtype);
    expect(() => packMatmulWeight(new Float32Array(5), 2, 2, format('f32'))).toThrow(
      'matmul: a weight [2, 2] has 4 values, got 5.',
    );
    expect(() => packMatmulWeight(new Float32Array(4), 2, 2, format('f16'))).toThrow(
      'matmul: a weight in f16 is packed from 16-bit codes, got Float32Array.',
    );
    expect(() => packMatmulWeight(Float32Array.from([1, 2, Infinity, 4]), 2, 2, format('i8'))).toThrow(
      'matmul: an int8 weight must be finite, got NaN or an infinity.',
    );
    expect(() => packMatmulWeight(Float32Array.from([1, NaN, 3, 4]), 2, 2, format('i8'))).toThrow('must be finite');
  });
});

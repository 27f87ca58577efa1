import { describe, expect, test } from 'vitest';

import { compareOutput, worstResult } from '../../../tools/golden/compare.ts';
import type { BoundResult } from '../../../tools/golden/compare.ts';
import type { GoldenTensor } from '../../../tools/golden/contract.ts';

const f32 = (...data: number[]): GoldenTensor => ({
  dtype: 'F32',
  shape: [data.length],
  data: Float32Array.from(data),
});

function compare(actual: unknown, expected: unknown, check: Record<string, unknown>, precision: 'f32' | 'f16' = 'f32') {
  return compareOutput('x', actual, expected, check, precision);
}

const isOk = (results: readonly BoundResult[]): boolean => results.length > 0 && results.every(({ ok }) => ok);

describe('exact', () => {
  test.each([
    [f32(1, NaN, Infinity), f32(1, NaN, Infinity), true],
    [f32(0), f32(-0), false],
    [f32(1), f32(Math.fround(1 + 2 ** -23)), false],
    [
      { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) },
      { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) },
      true,
    ],
    [
      { dtype: 'I32', shape: [1], data: Int32Array.of(7) },
      { dtype: 'I64', shape: [1], data: BigInt64Array.of(7n) },
      true,
    ],
    [f32(NaN), { dtype: 'I64', shape: [1], data: BigInt64Array.of(0n) }, false],
    [{ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [[1, 2], [1, 2, 3], false],
    [[1], { 0: 1 }, false],
    ['1', 1, false],
    [Int32Array.of(1, 2), [1, 2], true],
  ])('%# holds or not', (actual, expected, ok) => {
    expect(isOk(compare(actual, expected, { exact: true }))).toBe(ok);
  });
});

describe('bounds', () => {
  test('nmse is the error energy over the expected energy', () => {
    expect(compare(f32(3, 4.5), f32(3, 4), { nmse: 0.02 })[0]).toMatchObject({ value: 0.01, ok: true, ratio: 0.5 });
    expect(isOk(compare(f32(3, 4.5), f32(3, 4), { nmse: 0.009 }))).toBe(false);
    expect(isOk(compare(f32(0, 0), f32(0, 0), { nmse: 1e-9 }))).toBe(true);
    expect(isOk(compare(f32(0, 1e-9), f32(0, 0), { nmse: 1e-9 }))).toBe(false);
  });

  test('maxAbs and relMax look at the worst element', () => {
    expect(compare(f32(1, 10.5), f32(1, 10), { maxAbs: 0.5 })[0]).toMatchObject({ value: 0.5, ok: true });
    expect(isOk(compare(f32(1, 10.75), f32(1, 10), { maxAbs: 0.5 }))).toBe(false);
    expect(compare(f32(2, 110), f32(1, 100), { relMax: 1 })[0]).toMatchObject({ value: 1, ok: true });
    expect(isOk(compare(f32(1e-6), f32(0), { relMax: 1 }))).toBe(false);
  });

  test('maxAbsShare lets the rest be anything', () => {
    const actual = f32(0, 0, 0, 9);
    expect(isOk(compare(actual, f32(0, 0, 0, 0), { maxAbsShare: [1e-3, 0.75] }))).toBe(true);
    expect(isOk(compare(actual, f32(0, 0, 0, 0), { maxAbsShare: [1e-3, 0.76] }))).toBe(false);
  });

  test('psnr has peak 1, or 2 on [-1, 1], or 255 on bytes', () => {
    expect(compare(f32(0.1, 0.1), f32(0, 0), { psnr: 19 })[0].value).toBeCloseTo(20, 5);
    expect(compare(f32(-0.8, 0.2), f32(-1, 0), { psnr: 19 })[0].value).toBeCloseTo(20, 5);
    const bytes = (value: number): GoldenTensor => ({ dtype: 'U8', shape: [1], data: Uint8Array.of(value) });
    expect(isOk(compare(bytes(0), bytes(255), { psnr: 0 }))).toBe(true);
    expect(isOk(compare(bytes(0), bytes(255), { psnr: 1 }))).toBe(false);
  });

  test('every one of several must hold', () => {
    const results = compare(f32(1.1), f32(1), { nmse: 1, maxAbs: 0.01 });
    expect(results.map(({ ok }) => ok)).toEqual([true, false]);
    expect(worstResult(results)?.check).toBe('maxAbs');
  });

  test.each([
    [f32(NaN), f32(1)],
    [f32(1), f32(NaN)],
    [f32(Infinity), f32(-Infinity)],
    [f32(1e30), f32(Infinity)],
  ])('NaN and infinities must stand in place: %j, %j', (actual, expected) => {
    for (const check of [{ nmse: 1e9 }, { maxAbs: 1e39 }, { relMax: 1e39 }, { maxAbsShare: [1e39, 0] }]) {
      expect(isOk(compare(actual, expected, check))).toBe(false);
    }
  });

  test('NaN in place is no error', () => {
    expect(isOk(compare(f32(NaN, 1, -Infinity), f32(NaN, 1, -Infinity), { relMax: 0, nmse: 0 }))).toBe(true);
  });
});

describe('f16 arithmetic', () => {
  const actual = f32(3, 4.05);
  const check = { nmse: 1e-9, nmseF16: 1e-3 };

  test('takes the f16 bound in place of the f32 one, and only then', () => {
    expect(compare(actual, f32(3, 4), check, 'f16').map(({ check: name }) => name)).toEqual(['nmseF16']);
    expect(isOk(compare(actual, f32(3, 4), check, 'f16'))).toBe(true);
    expect(isOk(compare(actual, f32(3, 4), check))).toBe(false);
    expect(isOk(compare(f32(3, 5), f32(3, 4), check, 'f16'))).toBe(false);
  });

  test('shows outputs without such a bound, but holds exact ones and finiteness', () => {
    const shown = compare(actual, f32(3, 4), { maxAbs: 1e-6 }, 'f16');
    expect(isOk(shown)).toBe(true);
    expect(shown[0].value).toBeCloseTo(0.05, 5);
    expect(isOk(compare(actual, f32(3, 4), { exact: true }, 'f16'))).toBe(false);
    expect(isOk(compare(f32(NaN), f32(1), { maxAbs: 1 }, 'f16'))).toBe(false);
  });
});

describe('refusals', () => {
  test.each([
    ['a missing output', undefined, f32(1), { nmse: 1 }, 'missing'],
    ['an unknown bound', f32(1), f32(1), { nsme: 1 }, 'check'],
    ['no bound', f32(1), f32(1), {}, 'check'],
    ['another shape', { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) }, f32(1, 2), { nmse: 1 }, 'shape'],
    [
      'data that lacks elements',
      { dtype: 'F32', shape: [2], data: Float32Array.of(1) },
      f32(1, 1),
      { nmse: 1 },
      'shape',
    ],
    ['no tensor', [1, 2], f32(1, 2), { nmse: 1 }, 'tensor'],
    ['a bound that is no number', f32(1), f32(1), { nmse: '1' }, 'nmse'],
  ])('%s fails', (_, actual, expected, check, name) => {
    for (const precision of ['f32', 'f16'] as const) {
      const results = compare(actual, expected, check, precision);
      expect(isOk(results)).toBe(false);
      expect(results[0].check).toBe(name);
    }
  });
});

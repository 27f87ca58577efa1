import { Float16Array } from '@petamoriken/float16';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../../runtime/node/native.ts';
import {
  asF32,
  asU16,
  bf16ToF16,
  bf16ToF32,
  f16ToF32,
  f32ToBf16,
  f32ToF16,
  toBigInts,
  toF32,
  toF64,
} from '../../../runtime/safetensors/convert.ts';
import { seededRandom } from '../../support/random.ts';

const ALL_16 = Uint16Array.from({ length: 65536 }, (_, code) => code);

/** f32 values that try every rounding: random bits, and all halfway points of f16 and bf16 with their neighbours. */
function hardF32(): Float32Array {
  const random = seededRandom(11);
  const words: number[] = [];
  for (let i = 0; i < 100_000; i++) words.push(random.integer(2 ** 32));
  // the range where f16 is finite, subnormal or about to become 0 or infinity
  for (let i = 0; i < 100_000; i++) words.push(((100 + random.integer(46)) * 2 ** 23 + random.integer(2 ** 23)) >>> 0);
  for (let code = 0; code < 0x7c00; code++) {
    const middle = (f16Word(code) + f16Word(code + 1)) / 2;
    const word = new Uint32Array(Float32Array.of(middle).buffer)[0]!;
    words.push(word - 1, word, word + 1, (word | 0x8000_0000) >>> 0);
  }
  for (let code = 0; code < 65536; code += 7)
    words.push(((code << 16) | 0x7fff) >>> 0, ((code << 16) | 0x8000) >>> 0, ((code << 16) | 0x8001) >>> 0);
  return new Float32Array(Uint32Array.from(words).buffer);
}

const f16Word = (code: number) => (code === 0x7c00 ? 65536 : f16ToF32(Uint16Array.of(code))[0]!);

function expectSameBits(got: Float32Array, wanted: Float32Array): void {
  const a = new Uint32Array(got.buffer, got.byteOffset, got.length);
  const b = new Uint32Array(wanted.buffer, wanted.byteOffset, wanted.length);
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++)
    if (a[i] !== b[i] && !(Number.isNaN(got[i]) && Number.isNaN(wanted[i])))
      expect([i, got[i]]).toEqual([i, wanted[i]]);
}

describe('bulk conversions', () => {
  test('f16 to f32: every code as @petamoriken/float16 has it', () => {
    expectSameBits(f16ToF32(ALL_16), Float32Array.from(new Float16Array(ALL_16.slice().buffer)));
  });

  test('f32 to f16: rounds as @petamoriken/float16 does, ties and subnormals included', () => {
    const values = hardF32();
    const got = f32ToF16(values);
    const wanted = new Uint16Array(Float16Array.from(values).buffer as ArrayBuffer);
    for (let i = 0; i < values.length; i++) {
      if (Number.isNaN(values[i])) expect(got[i]! & 0x7fff).toBeGreaterThan(0x7c00);
      else if (got[i] !== wanted[i]) expect([values[i], got[i]]).toEqual([values[i], wanted[i]]);
    }
  });

  test('f32 to bf16: the nearer neighbour, ties to the even code', () => {
    const values = hardF32();
    const got = f32ToBf16(values);
    const wide = bf16ToF32(ALL_16);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const code = got[i]!;
      if (Number.isNaN(value)) expect(code & 0x7fff).toBeGreaterThan(0x7f80);
      else if ((code & 0x7fff) !== 0x7f80) {
        // as f64: the difference to either neighbour is exact
        const at = wide[code]!;
        const below = wide[(code & 0x7fff) === 0 ? code : code - 1]!;
        const above = (code & 0x7fff) === 0x7f7f ? Math.sign(value) * 2 ** 128 : wide[code + 1]!;
        const error = Math.abs(value - at);
        const best = Math.min(Math.abs(value - below), Math.abs(value - above));
        if (!(error < best || (error === best && code % 2 === 0) || error === 0))
          expect([value, at]).toBe('the nearest');
      } else expect(Math.abs(value)).toBeGreaterThanOrEqual((2 - 2 ** -8) * 2 ** 127); // halfway to 2^128
    }
  });

  test('bf16 to f32 and f16: every code', () => {
    const wide = bf16ToF32(ALL_16);
    expect([wide[0x3f80], wide[0xc049], wide[0x7f80], wide[0x0001]]).toEqual([1, -3.140625, Infinity, 2 ** -133]);
    expect(bf16ToF16(ALL_16)).toEqual(f32ToF16(wide));
  });

  test('fp8: landmark values of both formats', () => {
    const e4m3 = toF32('F8_E4M3', Uint8Array.of(0x00, 0x01, 0x08, 0x38, 0x7e, 0x7f, 0x80, 0xfe, 0xff));
    expect([...e4m3]).toEqual([0, 2 ** -9, 2 ** -6, 1, 448, NaN, -0, -448, NaN]);
    const e5m2 = toF32('F8_E5M2', Uint8Array.of(0x00, 0x01, 0x04, 0x3c, 0x7b, 0x7c, 0x7d, 0xfc, 0xff));
    expect([...e5m2]).toEqual([0, 2 ** -16, 2 ** -14, 1, 57344, Infinity, NaN, -Infinity, NaN]);
  });

  test('F64 rounds to nearest even, and stays itself as f64', () => {
    const stored = Float64Array.of(0.1, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 1e39, -0, 2 ** -150, NaN);
    const bytes = new Uint8Array(stored.buffer);
    expect([...toF32('F64', bytes)]).toEqual([Math.fround(0.1), 1, 1 + 2 ** -22, Infinity, -0, 0, NaN]);
    expect(toF64('F64', bytes)).toEqual(stored);
  });

  test('integers, 64-bit ones exactly', () => {
    const bytes = new Uint8Array(BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n).buffer);
    expect(toBigInts('I64', bytes)).toEqual([-(2n ** 63n), 2n ** 53n + 1n]);
    expect(toBigInts('U64', bytes)[0]).toBe(2n ** 63n);
    expect(toBigInts('I8', Uint8Array.of(255))).toEqual([-1n]);
    expect(toBigInts('BOOL', Uint8Array.of(0, 1))).toEqual([0n, 1n]);
  });

  test('views are not copied where they are aligned, and are right where they are not', () => {
    const buffer = new Uint8Array(24);
    buffer.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 5);
    expect([...asF32(buffer.subarray(5, 13))]).toEqual([1.5, -2]);
    expect(asF32(buffer.subarray(4, 12)).buffer).toBe(buffer.buffer);
    expect([...asU16(Uint8Array.of(9, 0x34, 0x12).subarray(1))]).toEqual([0x1234]);
  });
});

const native = loadNative();

describe.skipIf(native === undefined)(
  native === undefined ? 'native twins (skipped: the addon is not built, see npm run build:native)' : 'native twins',
  () => {
    const values = hardF32();
    test.each([
      ['bf16ToF32', () => [native!.bf16ToF32(ALL_16), bf16ToF32(ALL_16)]],
      ['f16ToF32', () => [native!.f16ToF32(ALL_16), f16ToF32(ALL_16)]],
      ['f32ToF16', () => [native!.f32ToF16(values), f32ToF16(values)]],
      ['f32ToBf16', () => [native!.f32ToBf16(values), f32ToBf16(values)]],
      ['bf16ToF16', () => [native!.bf16ToF16(ALL_16), bf16ToF16(ALL_16)]],
    ] as const)('%s gives the same bits as its TypeScript twin, NaNs included', (_, both) => {
      const [a, b] = both();
      expect(a.constructor).toBe(b.constructor);
      const bits = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
      expect(bits(a).equals(bits(b))).toBe(true);
    });

    test('they take views at any offset, empty arrays, and refuse anything else', () => {
      const view = ALL_16.subarray(12345, 12399);
      expect(native!.f16ToF32(view)).toEqual(f16ToF32(view));
      expect(native!.bf16ToF16(new Uint16Array())).toEqual(new Uint16Array());
      expect(() => native!.bf16ToF32(new Float32Array(2) as unknown as Uint16Array)).toThrow(TypeError);
      expect(() => native!.f32ToF16(undefined as unknown as Float32Array)).toThrow(TypeError);
    });
  },
);

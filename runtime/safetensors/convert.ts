import { once } from '../once.ts';
import type { SafetensorsDType } from './dtype.ts';

/**
 * Widening and rounding of stored numbers, in bulk.
 *
 * Formats: F16, F32, F64 are IEEE 754; BF16 is the upper half of an F32; F8_E4M3 (bias 7, no infinity, NaN 0x7F and
 * 0xFF, largest 448) and F8_E5M2 (bias 15, IEEE-like) are those of "FP8 Formats for Deep Learning" (arXiv 2209.05433).
 * Widening to f32 is exact for all of them but F64, which rounds to nearest even. NaN stays NaN; payloads may change.
 * Files are little-endian, and so is every machine that WebGPU runs on.
 */

/** dtypes that `toF32` reads. */
export type FloatDType = 'F8_E4M3' | 'F8_E5M2' | 'F16' | 'BF16' | 'F32' | 'F64';

const INT_DTYPES = ['BOOL', 'U8', 'I8', 'U16', 'I16', 'U32', 'I32', 'U64', 'I64'] as const;

/** dtypes that `toBigInts` reads. */
export type IntDType = (typeof INT_DTYPES)[number];

export function isFloatDType(dtype: SafetensorsDType): dtype is FloatDType {
  return (
    dtype === 'F32' ||
    dtype === 'BF16' ||
    dtype === 'F16' ||
    dtype === 'F8_E4M3' ||
    dtype === 'F8_E5M2' ||
    dtype === 'F64'
  );
}

export function isIntDType(dtype: SafetensorsDType): dtype is IntDType {
  return (INT_DTYPES as readonly string[]).includes(dtype);
}

/** The bytes at an offset that is a multiple of `alignment`: the same array where it is, a copy where it is not. */
export function aligned(bytes: Uint8Array, alignment: number): Uint8Array {
  return bytes.byteOffset % alignment === 0 ? bytes : bytes.slice();
}

/** View as f32, copied only where the bytes are not aligned. Length: byteLength / 4. */
export function asF32(bytes: Uint8Array): Float32Array {
  const b = aligned(bytes, 4);
  return new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4);
}

/** View as u16, copied only where the bytes are not aligned. Length: byteLength / 2. */
export function asU16(bytes: Uint8Array): Uint16Array {
  const b = aligned(bytes, 2);
  return new Uint16Array(b.buffer, b.byteOffset, b.byteLength / 2);
}

/** View as f64, copied only where the bytes are not aligned. Length: byteLength / 8. */
export function asF64(bytes: Uint8Array): Float64Array {
  const b = aligned(bytes, 8);
  return new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8);
}

/**
 * Stored floats as f32. For F32 this is a view of `bytes` where their offset allows it.
 * @param bytes A whole number of elements, little-endian.
 */
export function toF32(dtype: FloatDType, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'F32':
      return asF32(bytes);
    case 'BF16':
      return bf16ToF32(asU16(bytes));
    case 'F16':
      return f16ToF32(asU16(bytes));
    case 'F64':
      return Float32Array.from(asF64(bytes));
    case 'F8_E4M3':
      return byTable(bytes, f8E4M3Table());
    case 'F8_E5M2':
      return byTable(bytes, f8E5M2Table());
  }
}

/** Stored floats as f64: exact for every dtype. */
export function toF64(dtype: FloatDType, bytes: Uint8Array): Float64Array {
  return dtype === 'F64' ? asF64(bytes).slice() : Float64Array.from(toF32(dtype, bytes));
}

/** Stored integers; BOOL gives the stored byte. BigInt, because 64-bit ones do not fit a number. */
export function toBigInts(dtype: IntDType, bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: bigint[] = [];
  const step = dtype.endsWith('64') ? 8 : dtype.endsWith('32') ? 4 : dtype.endsWith('16') ? 2 : 1;
  for (let at = 0; at + step <= bytes.byteLength; at += step) out.push(readInt(dtype, view, at));
  return out;
}

function readInt(dtype: IntDType, view: DataView, at: number): bigint {
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return BigInt(view.getUint8(at));
    case 'I8':
      return BigInt(view.getInt8(at));
    case 'U16':
      return BigInt(view.getUint16(at, true));
    case 'I16':
      return BigInt(view.getInt16(at, true));
    case 'U32':
      return BigInt(view.getUint32(at, true));
    case 'I32':
      return BigInt(view.getInt32(at, true));
    case 'U64':
      return view.getBigUint64(at, true);
    case 'I64':
      return view.getBigInt64(at, true);
  }
}

/** bf16 codes to f32: a shift. */
export function bf16ToF32(codes: Uint16Array): Float32Array {
  const words = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i++) words[i] = (codes[i] as number) << 16;
  return new Float32Array(words.buffer);
}

/** f16 codes to f32, through a table of all 65,536 codes. */
export function f16ToF32(codes: Uint16Array): Float32Array {
  const table = f16Table();
  // as u32 words: moving a NaN through a float variable may change its bits
  const words = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i++) words[i] = table[codes[i] as number] as number;
  return new Float32Array(words.buffer);
}

function byTable(bytes: Uint8Array, table: Uint32Array): Float32Array {
  const words = new Uint32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) words[i] = table[bytes[i] as number] as number;
  return new Float32Array(words.buffer);
}

/**
 * f32 to f16 codes, round to nearest even; past 65,519.99 becomes infinity, subnormals are kept, NaN stays NaN.
 */
export function f32ToF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) out[i] = f16Code(words[i] as number);
  return out;
}

/** f32 to bf16 codes, round to nearest even; NaN stays NaN. */
export function f32ToBf16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) out[i] = bf16Code(words[i] as number);
  return out;
}

/**
 * bf16 codes to f16 codes, round to nearest even, through a table. Values above 65,504 become infinity and tiny ones
 * lose bits: a caller that turns weights into f16 looks at the largest first.
 */
export function bf16ToF16(codes: Uint16Array): Uint16Array {
  const table = bf16ToF16Table();
  const out = new Uint16Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i] as number] as number;
  return out;
}

/** bf16 code of the f32 with these bits. */
function bf16Code(word: number): number {
  if ((word & 0x7fff_ffff) > 0x7f80_0000) return (word >>> 16) | 0x40; // NaN: keep it quiet, never round it to infinity
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** f16 code of the f32 with these bits. */
function f16Code(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x4780_0000) return sign | 0x7c00; // 65,536 and more
  if (magnitude >= 0x3880_0000) {
    // normal: rebias 127 to 15 and round 13 bits away; a carry runs into the exponent, up to infinity
    const rebased = magnitude - 0x3800_0000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // below half of the smallest subnormal
  const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
  const drop = 126 - exponent; // 14..24 bits to round away
  const kept = mantissa >>> drop;
  const rest = mantissa & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** f32 bits of a small float: sign, `exponentBits`, `mantissaBits`. */
function smallFloatWord(code: number, exponentBits: number, mantissaBits: number, hasInfinity: boolean): number {
  const top = (1 << exponentBits) - 1;
  const bias = (1 << (exponentBits - 1)) - 1;
  const sign = ((code >>> (exponentBits + mantissaBits)) << 31) >>> 0;
  const exponent = (code >>> mantissaBits) & top;
  const mantissa = code & ((1 << mantissaBits) - 1);
  const mantissaTop = (1 << mantissaBits) - 1;
  if (exponent === top && (hasInfinity || mantissa === mantissaTop)) {
    const isNaN = !hasInfinity || mantissa !== 0;
    // make NaNs quiet, as the hardware does
    return (sign | 0x7f80_0000 | (isNaN ? 0x40_0000 | (mantissa << (23 - mantissaBits)) : 0)) >>> 0;
  }
  if (exponent === 0) {
    const value = mantissa * 2 ** (1 - bias - mantissaBits);
    return (sign | (new Uint32Array(new Float32Array([value]).buffer)[0] as number)) >>> 0;
  }
  return (sign | ((exponent - bias + 127) << 23) | (mantissa << (23 - mantissaBits))) >>> 0;
}

const f16Table = once(() => Uint32Array.from({ length: 65536 }, (_, code) => smallFloatWord(code, 5, 10, true)));
const f8E5M2Table = once(() => Uint32Array.from({ length: 256 }, (_, code) => smallFloatWord(code, 5, 2, true)));
const f8E4M3Table = once(() => Uint32Array.from({ length: 256 }, (_, code) => smallFloatWord(code, 4, 3, false)));
const bf16ToF16Table = once(() => Uint16Array.from({ length: 65536 }, (_, code) => f16Code((code << 16) >>> 0)));

import type { Tolerance } from './cases.ts';
import type { DType } from './dtype.ts';

/** How far `actual` is from `expected`: a message where it is outside of the tolerance, else undefined. */
export function describeMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `has ${actual.length} elements, expected ${expected.length}`;
  let outside = 0;
  let worst = 0;
  let worstAt = -1;
  let squares = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i];
    const e = expected[i];
    if (Number.isFinite(e) ? !Number.isFinite(a) : !Object.is(a, e)) return `element ${i}: got ${a}, expected ${e}`;
    if (!Number.isFinite(e)) continue;
    const limit = tolerance.atol + tolerance.rtol * Math.abs(e);
    const error = Math.abs(a - e);
    squares += error * error;
    norm += e * e;
    if (error > limit) outside++;
    const share = limit > 0 ? error / limit : error > 0 ? Infinity : 0;
    if (share > worst) {
      worst = share;
      worstAt = i;
    }
  }
  const nmse = norm > 0 ? squares / norm : squares;
  if (outside === 0 && nmse <= tolerance.nmse) return undefined;
  return (
    `${outside}/${expected.length} elements out of tolerance (atol=${tolerance.atol}, rtol=${tolerance.rtol}, ` +
    `nmse=${nmse.toExponential(1)} of ${tolerance.nmse}); worst at ${worstAt}: got ${actual[worstAt]}, ` +
    `expected ${expected[worstAt]} (${worst.toExponential(2)}x the limit)`
  );
}

/** `count` elements of a dtype out of device words, as f64. */
export function decodeWords(words: Uint32Array, dtype: DType, count: number): Float64Array {
  const bytes = words.buffer as ArrayBuffer;
  switch (dtype) {
    case 'f32':
      return Float64Array.from(new Float32Array(bytes, words.byteOffset, count));
    case 'i32':
      return Float64Array.from(new Int32Array(bytes, words.byteOffset, count));
    case 'u32':
      return Float64Array.from(words.subarray(0, count));
    case 'i8':
      return Float64Array.from(new Int8Array(bytes, words.byteOffset, count));
    case 'f16':
      return Float64Array.from(new Uint16Array(bytes, words.byteOffset, count), f16ToNumber);
    case 'bf16':
      return Float64Array.from(
        new Float32Array(Uint32Array.from(new Uint16Array(bytes, words.byteOffset, count), (h) => h << 16).buffer),
      );
  }
}

function f16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const fround = Math.fround;
// One scratch word, read back at once: no state survives a call.
const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

/**
 * Rounds to bfloat16 (8 exponent bits, 7 stored mantissa bits), nearest, ties to even.
 *
 * The argument is rounded to float32 first, as a cast through float32 does. Overflow gives Infinity, NaN stays NaN.
 */
export function roundToBfloat16(x: number): number {
  value[0] = x;
  const word = bits[0];
  if ((word & 0x7fffffff) > 0x7f800000) return NaN;
  bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  return value[0];
}

/**
 * Float32 fused multiply-add: `a * b + c` with one rounding.
 *
 * `Math.fround(a * b + c)` rounds twice, to float64 and then to float32, and is wrong where the float64 sum lies exactly
 * between two float32 numbers although the true sum does not (about once in 2^29 calls). Those cases are found by
 * arithmetic alone and settled by the sign of the float64 sum's error (TwoSum, Knuth 4.2.2).
 *
 * @param a float32 value
 * @param b float32 value; `a * b` is exact in float64
 * @param c float32 value
 */
export function fma32(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const rounded = fround(sum);
  // The point as far from `sum` on the other side. It is a float32 number exactly when `sum` is a tie.
  const other = sum + (sum - rounded);
  if (other === rounded || fround(other) !== other) return rounded;
  const t = sum - product;
  const error = product - (sum - t) + (c - t);
  if (error === 0) return rounded;
  return error > 0 === other > rounded ? other : rounded;
}

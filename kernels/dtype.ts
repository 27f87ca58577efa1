/**
 * Element types of tensors on the device.
 *
 * `f16` and `bf16` are stored packed, two to a u32 word, so that they can be read on devices without `shader-f16`
 * (`unpack2x16float`, or a shift for bf16). `i8` is packed four to a word. WGSL has no bf16 and no 16-bit integers.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'u32' | 'i8';

const BITS: Readonly<Record<DType, number>> = { f32: 32, f16: 16, bf16: 16, i32: 32, u32: 32, i8: 8 };

/** Bits that one element takes. */
export function bitsOf(dtype: DType): number {
  return BITS[dtype];
}

/** Product of the sizes; 1 for a scalar (rank 0). */
export function numElements(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Bytes that a tensor takes on the device: rounded up to whole 32-bit words. */
export function byteLengthOf(dtype: DType, shape: readonly number[]): number {
  return Math.ceil((numElements(shape) * BITS[dtype]) / 32) * 4;
}

/** A checkpoint tensor as stored, with its exact widening to f32 on demand. */
export interface TensorBytes {
  readonly name: string;
  /** Dtype of the file, in safetensors' words: `F32`, `F16`, `BF16`, `F8_E4M3`, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Little-endian bytes as stored; may be unaligned. */
  readonly bytes: Uint8Array;
  /** The values widened exactly to f32 (F64 rounds to nearest even). */
  toF32(): Float32Array;
}

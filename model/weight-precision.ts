import type { TensorTable } from './tensor-table.ts';

/**
 * How matrix weights lie on the device. `stored` keeps the checkpoint's own dtype where the device can read it exactly
 * (F32, F16, BF16; fp8 becomes f16, which holds it exactly) and computes in f32: exact, and the default. `int8` is
 * per output channel, symmetric; `int4` has a scale for each 64 inputs.
 */
export type WeightPrecision = 'stored' | 'f32' | 'f16' | 'int8' | 'int4';

/** Device dtype of a matrix weight under a precision. */
export function weightDType(
  table: TensorTable,
  name: string,
  precision: WeightPrecision,
): 'f32' | 'f16' | 'bf16' | 'i8' | 'i4' {
  if (precision === 'int8') return 'i8';
  if (precision === 'int4') return 'i4';
  if (precision !== 'stored') return precision;
  const stored = table.info(name)?.dtype;
  if (stored === 'F16' || stored === 'F8_E4M3' || stored === 'F8_E5M2') return 'f16';
  return stored === 'BF16' ? 'bf16' : 'f32';
}

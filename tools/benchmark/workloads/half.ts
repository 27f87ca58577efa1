import { f16ToF32, f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import type { WorkloadTensor } from './workload.ts';

/** The same tensor rounded to f16 codes. */
export function asHalf({ shape, data }: WorkloadTensor): WorkloadTensor {
  return { dtype: 'f16', shape, data: data instanceof Uint16Array ? data : f32ToF16(data) };
}

/** A tensor's values as f32. */
export function valuesOf({ data }: WorkloadTensor): Float32Array {
  return data instanceof Float32Array ? data : f16ToF32(data);
}

import { DTypeError } from '../errors.ts';
import { I4_GROUP } from './matmul-spec.ts';

/**
 * 4-bit codes of a weight [n, k], each group of 64 inputs of an output channel with a scale of its own: the value of the
 * largest magnitude gets code 0 (-8 times the scale), so that all 16 codes are in use, as in ggml's Q4_0
 * (ggml-quants.c, quantize_row_q4_0_ref).
 *
 * The scale is rounded to f16 first and the codes are made with that, so that dequantising repeats the same product.
 *
 * @param stride inputs of a row on the device, a multiple of the group; padding is 0
 * @returns codes, two to a byte, low half first; scales as f16 codes [n, stride / 64]
 * @throws DTypeError if a value is not finite, or a scale leaves f16's range
 */
export function quantiseGroups(
  values: ArrayLike<number>,
  n: number,
  k: number,
  stride: number,
): { data: Uint8Array; scales: Uint16Array } {
  const data = new Uint8Array((n * stride) / 2).fill(0x88);
  const groups = stride / I4_GROUP;
  const scales = new Uint16Array(n * groups);
  for (let channel = 0; channel < n; channel++)
    for (let group = 0; group < groups; group++) {
      const start = group * I4_GROUP;
      const end = Math.min(k, start + I4_GROUP);
      let extreme = 0;
      for (let i = start; i < end; i++) {
        const value = values[channel * k + i];
        if (!Number.isFinite(value))
          throw new DTypeError('matmul: an int4 weight must be finite, got NaN or an infinity.');
        if (Math.abs(value) > Math.abs(extreme)) extreme = value;
      }
      const code = f16Code(-extreme / 8);
      const scale = f16Value(code);
      if (!Number.isFinite(scale))
        throw new DTypeError(`matmul: an int4 weight of ${extreme} is beyond what an f16 scale holds.`);
      scales[channel * groups + group] = code;
      for (let i = start; i < end && scale !== 0; i++) {
        const quantised = Math.max(0, Math.min(15, Math.round(values[channel * k + i] / scale) + 8));
        const at = channel * stride + i;
        data[at >> 1] = at % 2 === 0 ? (data[at >> 1] & 0xf0) | quantised : (data[at >> 1] & 0x0f) | (quantised << 4);
      }
    }
  return { data, scales };
}

/** The nearest f16 of a number, ties to even; beyond the range an infinity. */
function f16Code(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = magnitude / 2 ** (exponent - 10);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A rounding up to 2048 steps is the next exponent's first: the addition carries over by itself.
  const code = ((exponent + 14) << 10) + rounded;
  return sign | Math.min(code, 0x7c00);
}

function f16Value(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 31;
  const fraction = code & 1023;
  if (exponent === 31) return sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

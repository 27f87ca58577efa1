import { ShapeError } from '../../runtime/errors.ts';

/** Whether the guided velocity gets the length of the conditional one back, token by token. */
export type GuidanceRescale = 'none' | 'perToken';

/**
 * True classifier-free guidance: `v = v_neg + scale (v_pos - v_neg)`, and with `perToken` then
 * `v |v_pos| / |v|`, 2-norms over the channels of each token (`spec/qwen-image.md` 4.3). f32 with f64 norms; the reference
 * for the GPU kernel. A token whose guided velocity is zero stays zero.
 *
 * @param positive velocity under the prompt, f32 [..., channels]
 * @param negative velocity under the negative prompt, same length
 * @param scale guidance scale; 1 gives `positive`
 * @param channels size of the last axis
 * @returns guided velocity, same shape
 * @throws ShapeError if lengths differ or are no multiple of `channels`
 */
export function guideVelocity(
  positive: Float32Array,
  negative: Float32Array,
  options: { readonly scale: number; readonly channels: number; readonly rescale: GuidanceRescale },
): Float32Array {
  const { scale, channels, rescale } = options;
  if (positive.length !== negative.length) {
    throw new ShapeError(
      `guidance: both velocities must have one length, got ${positive.length} and ${negative.length}.`,
    );
  }
  if (!Number.isInteger(channels) || channels < 1 || positive.length % channels !== 0) {
    throw new ShapeError(`guidance: ${positive.length} elements are no multiple of ${channels} channels.`);
  }
  const guided = positive.map((value, i) => negative[i] + Math.fround(scale * Math.fround(value - negative[i])));
  if (rescale === 'none') return guided;
  for (let start = 0; start < guided.length; start += channels) {
    const wanted = norm(positive, start, channels);
    const length = norm(guided, start, channels);
    const factor = length === 0 ? 1 : wanted / length;
    for (let i = start; i < start + channels; i++) guided[i] *= factor;
  }
  return guided;
}

function norm(values: Float32Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

import { UsageError } from '../../runtime/errors.ts';

const fround = Math.fround;

/** Channels of the sinusoidal embedding of every Qwen-Image checkpoint. */
export const TIMESTEP_CHANNELS = 256;

const MAX_PERIOD = 10_000;

/**
 * Sinusoidal embedding of the timestep: `[cos a_0 .. cos a_{h-1}, sin a_0 .. sin a_{h-1}]` with h = channels / 2,
 * `a_i = 1000 t f_i`, `f_i = 10000^(-i / h)`.
 *
 * Angles reach 1000 rad, where a float32 angle is wrong by up to 6e-5, and each order of the factors rounds otherwise. The
 * reference's order is kept, float32 at every step (`diffusers` `get_timestep_embedding`, scale 1000, flip_sin_to_cos,
 * downscale_freq_shift 0): `angle = f32(1000 * f32(t * f_i))`. Cosine and sine are then exact to float32. It is computed
 * here because a GPU's builtin sine is not good enough at 1000 rad.
 *
 * @param timesteps t in 0..1 (sigma); rounded to float32 first. The factor 1000 lives here and nowhere else
 * @param channels even number of channels
 * @returns f32 [timesteps.length, channels], row-major
 * @throws UsageError if `channels` is not an even positive integer
 */
export function timestepEmbedding(timesteps: ArrayLike<number>, channels: number = TIMESTEP_CHANNELS): Float32Array {
  if (!Number.isInteger(channels) || channels < 2 || channels % 2 !== 0) {
    throw new UsageError(`timestep_embedding: channels must be an even number >= 2, got ${channels}.`);
  }
  const half = channels / 2;
  const logPeriod = fround(-Math.log(MAX_PERIOD));
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp(fround(fround(logPeriod * i) / half)));
  const embedding = new Float32Array(timesteps.length * channels);
  for (let row = 0; row < timesteps.length; row++) {
    const t = fround(timesteps[row]);
    for (let i = 0; i < half; i++) {
      const angle = fround(1000 * fround(t * frequencies[i]));
      embedding[row * channels + i] = Math.cos(angle);
      embedding[row * channels + half + i] = Math.sin(angle);
    }
  }
  return embedding;
}

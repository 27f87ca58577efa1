import { ConfigError } from '../../runtime/errors.ts';
import { ConfigReader } from './config-reader.ts';

/** Configuration of `AutoencoderKLQwenImage`, names as in config.json. Defaults are the published model's. */
export interface VaeConfig {
  /** Channels of the finest level. Default 96. */
  readonly baseDim: number;
  /** Latent channels. Default 16. */
  readonly zDim: number;
  /** Channels of each level in units of baseDim, finest first. Default 1, 2, 4, 4. */
  readonly dimMult: readonly number[];
  /** Residual blocks of a level when encoding; decoding has one more. Default 2. */
  readonly numResBlocks: number;
  /** Where levels are also halved in time (spelt so in the files), one item fewer than dimMult. One frame has no use for it. */
  readonly temperalDownsample: readonly boolean[];
  /** 3 (RGB) or 4 (RGBA). Default 3. */
  readonly inputChannels: 3 | 4;
  /** Mean of each latent channel, zDim numbers. */
  readonly latentsMean: readonly number[];
  /** Standard deviation of each latent channel, zDim numbers > 0. */
  readonly latentsStd: readonly number[];
}

const PUBLISHED_MEAN = [
  -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
  -0.9497, 0.2503, -0.2921,
];
const PUBLISHED_STD = [
  2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
  2.8251, 1.916,
];

/**
 * Parses and validates `vae/config.json`. Rules: `test/golden/files.md` section 6.
 * @throws ConfigError with the broken rule; `unsupported` also for attention inside the levels (no released model).
 */
export function parseVaeConfig(text: string | Uint8Array, path = 'vae/config.json'): VaeConfig {
  const config = ConfigReader.parse(text, path);
  config.requireClass('_class_name', 'AutoencoderKLQwenImage');
  const baseDim = config.integer('base_dim', 96, 1, 4096);
  const zDim = config.integer('z_dim', 16, 1, 256);
  const numResBlocks = config.integer('num_res_blocks', 2, 1, 16);
  const inputChannels = config.integer('input_channels', 3, 3, 4) === 4 ? 4 : 3;
  const dimMult = config.integers('dim_mult', [1, 2, 4, 4]);
  if (dimMult.length < 1 || dimMult.length > 8 || dimMult.some((n) => n < 1 || n > 64))
    config.refuse('range', 'dim_mult', '1 to 8 integers in 1..64');
  const temperalDownsample = config.booleans('temperal_downsample', [false, true, true]);
  if (temperalDownsample.length !== dimMult.length - 1)
    throw new ConfigError(
      `${path}: temperal_downsample must have one item fewer than dim_mult (${dimMult.length}), ` +
        `got ${temperalDownsample.length}.`,
      { rule: 'vae-depth', path },
    );
  if (config.numbers('attn_scales', []).length > 0) config.refuse('unsupported', 'attn_scales', '[]');
  const latents = (key: string, fallback: readonly number[]): readonly number[] => {
    const list = config.numbers(key, fallback);
    if (list.length !== zDim || !list.every(Number.isFinite))
      throw new ConfigError(`${path}: ${key} must be z_dim (${zDim}) finite numbers, got ${list.length} items.`, {
        rule: 'latents',
        path,
      });
    return list;
  };
  const latentsMean = latents('latents_mean', PUBLISHED_MEAN);
  const latentsStd = latents('latents_std', PUBLISHED_STD);
  if (latentsStd.some((std) => std <= 0)) config.refuse('latents', 'latents_std', 'numbers > 0');
  return { baseDim, zDim, dimMult, numResBlocks, temperalDownsample, inputChannels, latentsMean, latentsStd };
}

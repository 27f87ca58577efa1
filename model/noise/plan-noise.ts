import { packRegions } from '../tokens/region-tokens.ts';
import type { TokenPlan } from '../tokens/token-plan.ts';
import { layerNoise } from './layer-noise.ts';
import type { NoiseSeed } from './layer-noise.ts';

/**
 * The engine's own noise for every predicted token of a plan, in plan order.
 *
 * Regions without a layer id share the composed block's key, so plans of several such pictures (frames of a video) get
 * equal noise for them; plans made from documents have one such region.
 *
 * @param stream 0 = initial noise, i + 1 = fresh noise after step i
 * @param channels latent channels, default 16
 * @returns [N_noise, 4 * channels], f32
 * @throws UsageError for a seed or stream out of range
 */
export function planNoise(plan: TokenPlan, seed: NoiseSeed, stream = 0, channels = 16): Float32Array<ArrayBuffer> {
  return packRegions(plan, 'noise', channels, (region) =>
    layerNoise({ seed, stream, layerId: region.layerId, region, channels }),
  );
}

import { UsageError } from '../../runtime/errors.ts';
import type { GridRect } from '../tokens/token-plan.ts';
import { philox4x32 } from './philox.ts';

// The engine's own noise: a value depends on nothing but its address (seed, stream, layer, channel, latent y, latent x).
// Growing a box keeps the old values; adding, moving or removing another layer changes none of this layer's values.

/** Seed of a run: an integer from 0 to 2^64 - 1; as a number at most 2^53 - 1. */
export type NoiseSeed = number | bigint;

/** Latent channels that the noise is defined for in blocks of four; the models of this family have 16. */
const CHANNELS_PER_BLOCK = 4;

const MAX_STREAM = 0xff_ffff;
const MAX_CHANNELS = 1024;

/** No layer id may start with NUL, so no layer shares the composed block's noise. */
const COMPOSED_NAME = '\0composed';

/**
 * The 32-bit key of a layer: FNV-1a over the UTF-8 bytes of its id. Two ids with one key share noise; nothing is done
 * about it.
 *
 * @param layerId null for the composed block
 */
export function layerKey(layerId: string | null): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(layerId ?? COMPOSED_NAME)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Address of a rectangle of noise. */
export interface NoiseAddress {
  readonly seed: NoiseSeed;
  /** 0 = initial noise, i + 1 = fresh noise after step i; below 2^24. */
  readonly stream?: number;
  readonly layerId: string | null;
  /** In tokens, relative to the window. */
  readonly region: GridRect;
  /** Latent channels, a multiple of 4; default 16. */
  readonly channels?: number;
}

/**
 * The random words of a region: Philox4x32-10 with key = seed and counter = (x, y, layer key, stream * 256 + block).
 * Word k of block b belongs to channel 4b + k.
 *
 * @returns [channels, 2 gh, 2 gw]
 * @throws UsageError for a seed, stream or channel count out of range
 */
export function layerNoiseWords(address: NoiseAddress): Uint32Array<ArrayBuffer> {
  const { stream = 0, region, channels = 16 } = address;
  const seed = checkSeed(address.seed);
  if (!Number.isInteger(stream) || stream < 0 || stream > MAX_STREAM) {
    throw new UsageError(
      `layer_noise: stream must be an integer from 0 to ${MAX_STREAM}, got ${stream}. Use 0 for initial noise, step + 1 for fresh noise.`,
    );
  }
  if (
    !Number.isInteger(channels) ||
    channels < CHANNELS_PER_BLOCK ||
    channels > MAX_CHANNELS ||
    channels % CHANNELS_PER_BLOCK !== 0
  ) {
    throw new UsageError(
      `layer_noise: channels must be a multiple of 4 from 4 to ${MAX_CHANNELS}, got ${channels}. Latents of this family have 16.`,
    );
  }
  const key = layerKey(address.layerId);
  const key0 = Number(seed & 0xffff_ffffn);
  const key1 = Number(seed >> 32n);
  const height = 2 * region.gh;
  const width = 2 * region.gw;
  const plane = height * width;
  const out = new Uint32Array(channels * plane);
  const words = new Uint32Array(CHANNELS_PER_BLOCK);
  for (let block = 0; block < channels / CHANNELS_PER_BLOCK; block++) {
    const first = CHANNELS_PER_BLOCK * block * plane;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        philox4x32(words, 0, 2 * region.gx0 + x, 2 * region.gy0 + y, key, stream * 256 + block, key0, key1);
        const at = first + y * width + x;
        out[at] = words[0];
        out[at + plane] = words[1];
        out[at + 2 * plane] = words[2];
        out[at + 3 * plane] = words[3];
      }
    }
  }
  return out;
}

/**
 * Standard normal noise of a region by Box-Muller on channel pairs: the even channel's word gives the radius, the odd
 * one's the angle. Computed in f64 and rounded once; |value| <= 5.77.
 *
 * @returns f32 latents [channels, 2 gh, 2 gw], independent N(0, 1)
 * @throws UsageError as {@link layerNoiseWords}
 */
export function layerNoise(address: NoiseAddress): Float32Array<ArrayBuffer> {
  const words = layerNoiseWords(address);
  const plane = 4 * address.region.gh * address.region.gw;
  const out = new Float32Array(words.length);
  for (let pair = 0; pair < words.length; pair += 2 * plane) {
    for (let even = pair; even < pair + plane; even++) {
      // The upper 24 bits: u in (0, 1] and v in [0, 1) are exact in f32 too.
      const u = ((words[even] >>> 8) + 1) / 0x100_0000;
      const v = (words[even + plane] >>> 8) / 0x100_0000;
      const radius = Math.sqrt(-2 * Math.log(u));
      const angle = 2 * Math.PI * v;
      out[even] = radius * Math.cos(angle);
      out[even + plane] = radius * Math.sin(angle);
    }
  }
  return out;
}

/** @throws UsageError unless 0 <= seed < 2^64, exactly known */
function checkSeed(seed: NoiseSeed): bigint {
  const isExact = typeof seed === 'bigint' || Number.isSafeInteger(seed);
  const value = isExact ? BigInt(seed) : -1n;
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw new UsageError(
      `layer_noise: seed must be an integer from 0 to 2^53 - 1, or a bigint below 2^64, got ${seed}. Choose another seed.`,
    );
  }
  return value;
}

import { ShapeError } from '../../runtime/errors.ts';
import { PATCH_SIDE } from './grid.ts';
import { packInto, unpackInto } from './pack.ts';
import type { TokenPlan, TokenRegion } from './token-plan.ts';

// A plan's tokens live in three buffers of rows of `depth` values (4 x latent channels): all N tokens in sequence
// order, the N_noise predicted ones alone, and the N - N_noise given ones alone, each in plan order.

/** Packs a region's latents [C, 2 gh, 2 gw] to tokens [gh * gw, 4C]. */
export function packRegion(latents: Float32Array, region: Pick<TokenRegion, 'gw' | 'gh'>): Float32Array<ArrayBuffer> {
  const shape = pictureShape('pack_region', latents.length, region);
  const tokens = new Float32Array(latents.length);
  packInto(tokens, 0, latents, 0, shape);
  return tokens;
}

/** Unpacks a region's tokens [gh * gw, 4C] to latents [C, 2 gh, 2 gw]. */
export function unpackRegion(tokens: Float32Array, region: Pick<TokenRegion, 'gw' | 'gh'>): Float32Array<ArrayBuffer> {
  const shape = pictureShape('unpack_region', tokens.length, region);
  const latents = new Float32Array(tokens.length);
  unpackInto(latents, 0, tokens, 0, shape);
  return latents;
}

/** Which of the plan's three buffers: all tokens, the predicted ones, the given ones. */
export type TokenSubset = 'all' | 'noise' | 'given';

/**
 * Where each region's tokens lie in a buffer, in tokens; undefined for regions that are not in it.
 *
 * @returns one entry a region, in plan order
 */
export function regionOffsets(plan: Pick<TokenPlan, 'regions'>, subset: TokenSubset): readonly (number | undefined)[] {
  let next = 0;
  return plan.regions.map((region) => {
    if (subset !== 'all' && (region.role === 'noise') !== (subset === 'noise')) return undefined;
    const at = next;
    next += region.length;
    return at;
  });
}

/**
 * Copies a region's tokens out of one of the plan's buffers and unpacks them.
 *
 * @param tokens the buffer, [rows, depth]
 * @param region index of the region in `plan.regions`
 * @returns latents [depth / 4, 2 gh, 2 gw]
 * @throws ShapeError if the buffer is not as long as the plan says, or the region is not in it
 */
export function regionLatents(
  plan: TokenPlan,
  tokens: Float32Array,
  region: number,
  subset: TokenSubset = 'noise',
): Float32Array<ArrayBuffer> {
  const depth = rowDepth('region_latents', tokens, numTokensOf(plan, subset));
  const at = regionOffsets(plan, subset)[region];
  const found = plan.regions[region];
  if (at === undefined || found === undefined) {
    throw new ShapeError(
      `region_latents: region ${region} must be among the ${subset} tokens of the plan, it is not. Pick one of its regions.`,
    );
  }
  return unpackRegion(tokens.subarray(at * depth, (at + found.length) * depth), found);
}

/**
 * Packs the latents of the plan's regions into one of its buffers.
 *
 * @param latentsOf latents [C, 2 gh, 2 gw] of a region; called once for each region of the subset, in plan order
 * @param channels C; every region has as many
 * @returns [rows, 4C]
 * @throws ShapeError if a region's latents have another size
 */
export function packRegions(
  plan: TokenPlan,
  subset: TokenSubset,
  channels: number,
  latentsOf: (region: TokenRegion, index: number) => Float32Array,
): Float32Array<ArrayBuffer> {
  const depth = channels * PATCH_SIDE * PATCH_SIDE;
  const tokens = new Float32Array(numTokensOf(plan, subset) * depth);
  for (const [index, at] of regionOffsets(plan, subset).entries()) {
    const region = plan.regions[index];
    if (at === undefined || region === undefined) continue;
    const latents = latentsOf(region, index);
    if (latents.length !== region.length * depth) {
      const shape = `[${channels}, ${2 * region.gh}, ${2 * region.gw}]`;
      throw new ShapeError(
        `pack_regions: latents must be ${shape}, got ${latents.length} values (region ${index}, ${region.slot} ${region.layerId ?? ''}). Encode the region's own rectangle.`,
      );
    }
    packInto(tokens, at * depth, latents, 0, {
      channels,
      height: PATCH_SIDE * region.gh,
      width: PATCH_SIDE * region.gw,
    });
  }
  return tokens;
}

/**
 * Puts the predicted and the given tokens together in sequence order.
 *
 * @param noise [N_noise, depth]
 * @param given [N - N_noise, depth]
 * @returns [N, depth]
 * @throws ShapeError if a buffer is not as long as the plan says
 */
export function joinTokens(
  plan: TokenPlan,
  noise: Float32Array,
  given: Float32Array,
  depth: number,
): Float32Array<ArrayBuffer> {
  const numGiven = numTokensOf(plan, 'given');
  if (noise.length !== plan.numPredicted * depth || given.length !== numGiven * depth) {
    throw new ShapeError(
      `join_tokens: needs [${plan.numPredicted}, ${depth}] and [${numGiven}, ${depth}], got ${noise.length} and ${given.length} values. Use the buffers of this plan.`,
    );
  }
  const tokens = new Float32Array(plan.numTokens * depth);
  const noiseAt = regionOffsets(plan, 'noise');
  const givenAt = regionOffsets(plan, 'given');
  for (const [i, region] of plan.regions.entries()) {
    const source = region.role === 'noise' ? noise : given;
    const at = (region.role === 'noise' ? noiseAt[i] : givenAt[i]) ?? 0;
    tokens.set(source.subarray(at * depth, (at + region.length) * depth), region.start * depth);
  }
  return tokens;
}

/**
 * The predicted rows of an [N, depth] buffer, in plan order: [N_noise, depth].
 *
 * @throws ShapeError if the buffer is not as long as the plan says
 */
export function predictedTokens(plan: TokenPlan, tokens: Float32Array): Float32Array<ArrayBuffer> {
  const depth = rowDepth('predicted_tokens', tokens, plan.numTokens);
  const out = new Float32Array(plan.numPredicted * depth);
  let at = 0;
  for (const [start, end] of plan.predicted) {
    out.set(tokens.subarray(start * depth, end * depth), at * depth);
    at += end - start;
  }
  return out;
}

/** Rows of a buffer. */
export function numTokensOf(plan: TokenPlan, subset: TokenSubset): number {
  if (subset === 'all') return plan.numTokens;
  return subset === 'noise' ? plan.numPredicted : plan.numTokens - plan.numPredicted;
}

function rowDepth(op: string, tokens: Float32Array, rows: number): number {
  const depth = rows === 0 ? 0 : tokens.length / rows;
  if (!Number.isInteger(depth) || depth % (PATCH_SIDE * PATCH_SIDE) !== 0) {
    throw new ShapeError(
      `${op}: needs [${rows}, 4 x channels], got ${tokens.length} values. Use a buffer of this plan.`,
    );
  }
  return depth;
}

function pictureShape(
  op: string,
  length: number,
  { gw, gh }: Pick<TokenRegion, 'gw' | 'gh'>,
): { channels: number; height: number; width: number } {
  const channels = length / (gw * gh * PATCH_SIDE * PATCH_SIDE);
  if (!Number.isInteger(channels) || channels < 1) {
    throw new ShapeError(
      `${op}: ${gw} x ${gh} tokens hold a multiple of ${gw * gh * 4} values, got ${length}. Check the region.`,
    );
  }
  return { channels, height: PATCH_SIDE * gh, width: PATCH_SIDE * gw };
}

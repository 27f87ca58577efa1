import { ShapeError } from '../../runtime/errors.ts';
import { cropPixels } from '../layout/composite.ts';
import type { Box } from '../layout/design-schema.ts';
import type { MrtManifest } from '../manifest/manifest.ts';
import { PATCH_SIDE, rectPixels, TOKEN_SIDE } from '../tokens/grid.ts';
import type { GridRect } from '../tokens/token-plan.ts';
import { blank, crop, type Planes } from './planes.ts';
import type { AutoencoderKLQwenImage, VaeRunOptions } from './autoencoder-kl.ts';

/*
 * Layers to latents and back, as the regional scheme wants it (golden/kinds-mrt.md section 5): a region is encoded and
 * decoded on a sheet that may be larger than itself, because convolutions and the attention in the VAE's middle see
 * what lies around it.
 */

/** What the codec reads of a manifest. */
export type RegionCodecManifest = Pick<
  MrtManifest,
  | 'latentInput'
  | 'encodeMode'
  | 'encodeMarginTokens'
  | 'decodeMode'
  | 'decodeMarginTokens'
  | 'decodeFill'
  | 'transparentLatent'
  | 'decoderOutput'
  | 'alpha'
>;

/** The parts of a VAE that the codec uses: encoder and decoder may be different checkpoints. */
export type RegionVae = Pick<AutoencoderKLQwenImage, 'config' | 'scale' | 'encode' | 'decode'>;

/** A region, and the canvas that all regions of its design lie in, in tokens. */
export interface RegionPlace {
  readonly region: GridRect;
  readonly canvas: GridRect;
}

/** A layer to encode. */
export interface EncodeRegionInput extends RegionPlace {
  /** Straight-alpha RGBA in 0..1, [h, w, 4], as large as `box`. */
  readonly pixels: Float32Array;
  /** Where the picture lies, in pixels relative to the window. What sticks out of the region is cut. */
  readonly box: Box;
}

/** A decoded region. */
export interface DecodedRegion {
  /** The decoder's output, [4, 16 gh, 16 gw] in [-1, 1]. */
  readonly decoded: Planes;
  /** Straight-alpha RGBA in 0..1, [16 gh, 16 gw, 4]; RGB is 0 where alpha is 0. */
  readonly rgba: Float32Array;
}

/** The tokens around a region that are encoded or decoded with it. */
export function sheetOf(place: RegionPlace, mode: MrtManifest['encodeMode'], marginTokens: number): GridRect {
  const { region, canvas } = place;
  if (mode === 'canvas') return canvas;
  const margin = mode === 'box+margin' ? marginTokens : 0;
  return {
    gx0: region.gx0 - margin,
    gy0: region.gy0 - margin,
    gw: region.gw + 2 * margin,
    gh: region.gh + 2 * margin,
  };
}

/**
 * Encodes a layer's picture as its region's latents: [zDim, 2 gh, 2 gw], normalised. Around the picture the sheet is
 * transparent black.
 *
 * @throws ShapeError if `pixels` is not as large as `box`, or the VAE's channels do not suit `latentInput`
 */
export async function encodeRegion(
  vae: RegionVae,
  manifest: RegionCodecManifest,
  input: EncodeRegionInput,
  options: Pick<VaeRunOptions, 'tiling' | 'signal'> = {},
): Promise<Float32Array> {
  const channels = manifest.latentInput === 'rgb-gray' ? 3 : 4;
  requireVae('mrt_encode', `latentInput "${manifest.latentInput}"`, vae, channels);
  const { pixels, box, region } = input;
  if (pixels.length !== 4 * (box[2] - box[0]) * (box[3] - box[1]))
    throw new ShapeError(
      `mrt_encode: pixels must be [${box[3] - box[1]}, ${box[2] - box[0]}, 4] for box [${box.join(', ')}], got ${pixels.length} values. Resize the picture to its box.`,
    );
  const sheet = sheetOf(input, manifest.encodeMode, manifest.encodeMarginTokens);
  const own = rectPixels(region);
  const picture = cropPixels(cropPixels(pixels, box, own), own, rectPixels(sheet));
  const planes = blank(channels, sheet.gh * TOKEN_SIDE, sheet.gw * TOKEN_SIDE);
  fillNetworkInput(planes, picture, manifest.latentInput);
  const { planes: latents } = await vae.encode(planes, options);
  const [top, left] = [region.gy0 - sheet.gy0, region.gx0 - sheet.gx0].map((tokens) => PATCH_SIDE * tokens);
  return crop(latents, top, left, PATCH_SIDE * region.gh, PATCH_SIDE * region.gw).data;
}

/**
 * Decodes a region's latents [zDim, 2 gh, 2 gw], normalised. Around them the sheet holds what `decodeFill` says.
 *
 * @throws ShapeError if the latents do not fill the region, or the VAE's decoder gives no alpha
 */
export async function decodeRegion(
  vae: RegionVae,
  manifest: RegionCodecManifest,
  input: RegionPlace & { readonly latents: Float32Array },
  options: Pick<VaeRunOptions, 'tiling' | 'signal'> = {},
): Promise<DecodedRegion> {
  requireVae('mrt_decode', `decoderOutput "${manifest.decoderOutput}"`, vae, 4);
  const { region, latents } = input;
  const [height, width] = [PATCH_SIDE * region.gh, PATCH_SIDE * region.gw];
  if (latents.length !== vae.config.zDim * height * width)
    throw new ShapeError(
      `mrt_decode: latents must be [${vae.config.zDim}, ${height}, ${width}], got ${latents.length} values.`,
    );
  const sheet = sheetOf(input, manifest.decodeMode, manifest.decodeMarginTokens);
  const [top, left] = [region.gy0 - sheet.gy0, region.gx0 - sheet.gx0].map((tokens) => PATCH_SIDE * tokens);
  const filled = fillSheet({ channels: vae.config.zDim, height, width, data: latents }, sheet, top, left, manifest);
  const { planes } = await vae.decode(filled, options);
  const decoded = crop(planes, top * vae.scale, left * vae.scale, height * vae.scale, width * vae.scale);
  return { decoded, rgba: finishAlpha(decoded, manifest) };
}

/** Straight RGBA [h, w, 4] in 0..1 to what the encoder eats, planar. */
function fillNetworkInput(planes: Planes, rgba: Float32Array, latentInput: MrtManifest['latentInput']): void {
  const count = planes.height * planes.width;
  for (let i = 0; i < count; i++) {
    const alpha = rgba[4 * i + 3];
    for (let c = 0; c < 3; c++) {
      const value = rgba[4 * i + c];
      planes.data[c * count + i] =
        latentInput === 'rgba-premul'
          ? 2 * (value * alpha) - 1
          : latentInput === 'rgba-straight'
            ? 2 * value - 1
            : alpha * (2 * value - 1);
    }
    if (latentInput !== 'rgb-gray') planes.data[3 * count + i] = 2 * alpha - 1;
  }
}

/** The region's latents at (top, left) of the sheet, which is filled around them. */
function fillSheet(latents: Planes, sheet: GridRect, top: number, left: number, manifest: RegionCodecManifest): Planes {
  const { decodeFill, transparentLatent } = manifest;
  const { channels, height, width } = latents;
  const full = blank(channels, PATCH_SIDE * sheet.gh, PATCH_SIDE * sheet.gw);
  const isLarger = full.height !== height || full.width !== width;
  if (decodeFill === 'transparent' && isLarger && transparentLatent?.length !== channels)
    throw new ShapeError(
      `mrt_decode: transparentLatent must be ${channels} numbers for decodeFill "transparent", got ${transparentLatent?.length ?? 'none'}. Set it in the manifest, or decodeFill to "zero" or "edge".`,
    );
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < full.height; y++)
      for (let x = 0; x < full.width; x++) {
        const row = Math.min(Math.max(y - top, 0), height - 1);
        const column = Math.min(Math.max(x - left, 0), width - 1);
        const isInside = row === y - top && column === x - left;
        full.data[(c * full.height + y) * full.width + x] =
          isInside || decodeFill === 'edge'
            ? latents.data[(c * height + row) * width + column]
            : decodeFill === 'zero'
              ? 0
              : (transparentLatent?.[c] ?? 0);
      }
  return full;
}

/** The decoder's [4, h, w] in [-1, 1] to straight RGBA [h, w, 4] in 0..1, alpha snapped to 0 and 1 at its ends. */
function finishAlpha(decoded: Planes, manifest: RegionCodecManifest): Float32Array {
  const { low, high } = manifest.alpha;
  const count = decoded.height * decoded.width;
  const rgba = new Float32Array(4 * count);
  const unit = (value: number): number => Math.fround(Math.min(1, Math.max(0, value / 2 + 0.5)));
  for (let i = 0; i < count; i++) {
    const stored = unit(decoded.data[3 * count + i]);
    const alpha = stored < low ? 0 : stored > high ? 1 : stored;
    rgba[4 * i + 3] = alpha;
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) {
      const value = unit(decoded.data[c * count + i]);
      rgba[4 * i + c] = manifest.decoderOutput === 'rgba-premul' ? Math.min(1, value / Math.max(alpha, 1e-6)) : value;
    }
  }
  return rgba;
}

function requireVae(op: string, why: string, vae: RegionVae, channels: number): void {
  if (vae.config.inputChannels !== channels)
    throw new ShapeError(`${op}: ${why} needs a VAE with ${channels} channels, got ${vae.config.inputChannels}.`);
  if (vae.scale * PATCH_SIDE !== TOKEN_SIDE)
    throw new ShapeError(
      `${op}: tokens are ${TOKEN_SIDE} pixels wide, so a latent pixel must stand for ${TOKEN_SIDE / PATCH_SIDE}, got ${vae.scale}.`,
    );
}

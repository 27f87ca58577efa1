import { ImageError } from '../../runtime/errors.ts';
import { compositeLayers, premultiply, unpremultiply, type CompositeLayer } from '../layout/composite.ts';
import type { Box } from '../layout/design-schema.ts';
import { rectPixels } from '../tokens/grid.ts';
import { packRegions, regionLatents, type TokenSubset } from '../tokens/region-tokens.ts';
import type { TokenRegion } from '../tokens/token-plan.ts';
import { decodeRegion, encodeRegion, type RegionVae } from '../vae/region-codec.ts';
import { toGridPixels, type MrtJob } from './mrt-job.ts';
import { checkPicture, resizeStraight, type Picture, type PictureLoader } from './picture.ts';

/** The pixels that a job is given: the picture of an i2l task, sources of kept layers, references of restyled ones. */
export interface GivenPictures {
  readonly image: Picture | undefined;
  readonly sources: ReadonlyMap<string, Picture>;
  readonly references: ReadonlyMap<string, Picture>;
}

/** Loads what the job's plan needs, and nothing else. @throws ImageError, or what the loader throws */
export async function loadPictures(job: MrtJob, load: PictureLoader, signal?: AbortSignal): Promise<GivenPictures> {
  const sources = new Map<string, Picture>();
  const references = new Map<string, Picture>();
  const fetch = async (uri: string): Promise<Picture> => checkPicture(await load(uri, signal), uri);
  for (const layer of job.plan.layers) {
    const leaf = job.leaves.get(layer.id);
    const isGiven = job.plan.task === 'add' || job.plan.task === 'restyle';
    if (isGiven && !layer.isTarget && leaf?.source) sources.set(layer.id, await fetch(leaf.source.uri));
    if (job.plan.task === 'restyle' && layer.isTarget && leaf?.reference)
      references.set(layer.id, await fetch(leaf.reference.uri));
  }
  // Hidden layers take no part, but the result must not lose them.
  const isPlanned = new Set(job.plan.layers.map((layer) => layer.id));
  for (const [id, leaf] of job.leaves)
    if (!isPlanned.has(id) && leaf.source) sources.set(id, await fetch(leaf.source.uri));
  const uri = job.plan.task === 'i2l' ? job.design.task?.image?.uri : undefined;
  return { image: uri === undefined ? undefined : await fetch(uri), sources, references };
}

/** A picture and the box that it fills, in pixels of the token grid. */
export interface Placed {
  readonly box: Box;
  /** Straight floats. */
  readonly pixels: Float32Array;
}

/**
 * Encodes everything that is given as tokens [N - N_noise, 4C], in plan order (golden/kinds-mrt.md section 7): the
 * composed picture, kept layers and condition layers, each alone on its region.
 */
export async function encodeGiven(
  job: MrtJob,
  given: GivenPictures,
  vae: RegionVae,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { plan } = job;
  const latents = new Map<TokenRegion, Float32Array>();
  for (const region of plan.regions) {
    if (region.role === 'noise') continue;
    signal?.throwIfAborted();
    const placed = pictureOf(job, given, region);
    latents.set(
      region,
      await encodeRegion(vae, job.manifest, { ...placed, region, canvas: plan.canvas }, signal ? { signal } : {}),
    );
  }
  const subset: TokenSubset = 'given';
  return packRegions(plan, subset, vae.config.zDim, (region) => latents.get(region) ?? new Float32Array());
}

/** The given picture of an i2l task over the window, straight floats in pixels of the token grid. */
export function windowPicture(job: MrtJob, given: GivenPictures): Placed {
  const { window } = job.plan;
  const box = rectPixels({ gx0: 0, gy0: 0, gw: window.gw, gh: window.gh });
  if (!given.image) throw new ImageError('decompose: the picture is missing.', { rule: 'missing' });
  return { box, pixels: resizeStraight(given.image, box[2] - box[0], box[3] - box[1]) };
}

function pictureOf(job: MrtJob, given: GivenPictures, region: TokenRegion): Placed {
  if (region.slot !== 'composed') {
    const id = region.layerId ?? '';
    const picture = region.role === 'cond' ? given.references.get(id) : given.sources.get(id);
    return place(job, id, picture);
  }
  if (job.plan.task === 'i2l') return windowPicture(job, given);
  const box = rectPixels(region);
  return { box, pixels: unpremultiply(compositeLayers(keptLayers(job, given), box)) };
}

/** Visible layers that are not generated, bottom first, with their opacity. */
function keptLayers(job: MrtJob, given: GivenPictures): CompositeLayer[] {
  return job.plan.layers
    .filter((layer) => !layer.isTarget && layer.visible && given.sources.has(layer.id))
    .map((layer) => {
      const { box, pixels } = place(job, layer.id, given.sources.get(layer.id));
      const blend = job.leaves.get(layer.id)?.blend;
      return { box, pixels: premultiply(pixels), opacity: layer.opacity, ...(blend ? { blend } : {}) };
    });
}

function place(job: MrtJob, id: string, picture: Picture | undefined): Placed {
  const layer = job.plan.layers.find((candidate) => candidate.id === id);
  if (!layer || !picture) throw new ImageError(`layer "${id}": its picture is missing.`, { rule: 'missing' });
  const box = toGridPixels(job, layer.requestedBox);
  return { box, pixels: resizeStraight(picture, box[2] - box[0], box[3] - box[1]) };
}

/** A generated layer: straight floats [h, w, 4] on its region, in pixels of the token grid. */
export interface GeneratedLayer {
  readonly id: string;
  readonly box: Box;
  readonly pixels: Float32Array;
}

/** Decodes the layers that the job generates, in sequence order. `tokens` f32 [N_noise, 4C]. */
export async function decodeGenerated(
  job: MrtJob,
  tokens: Float32Array,
  vae: RegionVae,
  options: { signal?: AbortSignal; onLayer?: (layer: GeneratedLayer, index: number) => void } = {},
): Promise<GeneratedLayer[]> {
  const { plan } = job;
  const layers: GeneratedLayer[] = [];
  for (const [index, region] of plan.regions.entries()) {
    if (region.role !== 'noise' || region.layerId === null) continue;
    options.signal?.throwIfAborted();
    const latents = regionLatents(plan, tokens, index, 'noise');
    const { rgba } = await decodeRegion(
      vae,
      job.manifest,
      { region, canvas: plan.canvas, latents },
      options.signal ? { signal: options.signal } : {},
    );
    const layer = { id: region.layerId, box: rectPixels(region), pixels: rgba };
    layers.push(layer);
    options.onLayer?.(layer, layers.length - 1);
  }
  return layers;
}

/** The composed picture that text-to-layers makes beside its layers, on its region; undefined where it was given. */
export async function decodeComposed(
  job: MrtJob,
  tokens: Float32Array,
  vae: RegionVae,
  signal?: AbortSignal,
): Promise<Placed | undefined> {
  const { plan } = job;
  const index = plan.regions.findIndex((region) => region.slot === 'composed' && region.role === 'noise');
  if (index < 0) return undefined;
  const region = plan.regions[index];
  const latents = regionLatents(plan, tokens, index, 'noise');
  const { rgba } = await decodeRegion(
    vae,
    job.manifest,
    { region, canvas: plan.canvas, latents },
    signal ? { signal } : {},
  );
  return { box: rectPixels(region), pixels: rgba };
}

/** The merged picture over the canvas: generated layers on their regions, other visible layers at their boxes; premultiplied. */
export function mergeLayers(job: MrtJob, given: GivenPictures, generated: readonly GeneratedLayer[]): Float32Array {
  const made = new Map(generated.map((layer) => [layer.id, layer]));
  const layers: CompositeLayer[] = [];
  for (const layer of job.plan.layers) {
    const own = made.get(layer.id);
    const source = given.sources.get(layer.id);
    if (!own && !(layer.visible && source)) continue;
    const { box, pixels } = own ?? place(job, layer.id, source);
    const blend = job.leaves.get(layer.id)?.blend;
    layers.push({ box, pixels: premultiply(pixels), opacity: layer.opacity, ...(blend ? { blend } : {}) });
  }
  return compositeLayers(layers, rectPixels(job.plan.canvas));
}

import { UsageError } from '../../runtime/errors.ts';
import { premultiply } from '../layout/composite.ts';
import { refineLayers } from '../refine/refine-layers.ts';
import type { MrtJob } from './mrt-job.ts';
import { windowPicture, type GeneratedLayer, type GivenPictures } from './mrt-pixels.ts';

/**
 * Whether a run's layers are to be made to agree with its picture.
 *
 * @param wanted the run's own word; undefined: what the manifest says
 * @throws UsageError if a task without a picture wants it
 */
export function isRefined(job: MrtJob, wanted: boolean | undefined): boolean {
  const hasPicture = job.plan.task === 'i2l';
  if (wanted && !hasPicture)
    throw new UsageError(`refine: only image-to-layers has a picture to agree with, got task "${job.plan.task}".`);
  return hasPicture && (wanted ?? job.manifest.i2lRefine === 'picture');
}

/** Layers whose blend mode refinement does not know: it takes every layer as lying plainly over those below. */
export function blendedLayers(job: MrtJob): string[] {
  const isBlended = (id: string): boolean => (job.leaves.get(id)?.blend ?? 'normal') !== 'normal';
  return job.plan.layers.map(({ id }) => id).filter(isBlended);
}

/** The generated layers of an i2l job, made to agree with its picture: see refineLayers. */
export function refineGenerated(
  job: MrtJob,
  given: GivenPictures,
  generated: readonly GeneratedLayer[],
): GeneratedLayer[] {
  const { box, pixels } = windowPicture(job, given);
  const made = new Map(generated.map((layer) => [layer.id, layer]));
  const stack = job.plan.layers.flatMap(({ id, opacity }) => {
    const layer = made.get(id);
    return layer ? [{ ...layer, opacity }] : [];
  });
  const { alpha } = job.manifest;
  const refined = refineLayers(stack, premultiply(pixels), box[2], box[3], { alpha });
  const byId = new Map(stack.map(({ id }, i) => [id, refined[i]]));
  return generated.map((layer) => ({ ...layer, pixels: byId.get(layer.id) ?? layer.pixels }));
}

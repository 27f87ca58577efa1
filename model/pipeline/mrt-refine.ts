import { UsageError } from '../../runtime/errors.ts';
import { refineLayers } from '../refine/refine-layers.ts';
import type { MrtJob } from './mrt-job.ts';
import { windowPicture, type GeneratedLayer, type GivenPictures } from './mrt-pixels.ts';

/** Whether a run's layers are to be made to agree with its picture, and why not where that was wanted. */
export interface RefinePlan {
  readonly refines: boolean;
  readonly warning?: string;
}

/**
 * @param wanted the run's own word; undefined: what the manifest says
 * @throws UsageError if a task without a picture wants it
 */
export function planRefinement(job: MrtJob, wanted: boolean | undefined): RefinePlan {
  const hasPicture = job.plan.task === 'i2l';
  if (wanted && !hasPicture)
    throw new UsageError(`refine: only image-to-layers has a picture to agree with, got task "${job.plan.task}".`);
  if (!hasPicture || !(wanted ?? job.manifest.i2lRefine === 'picture')) return { refines: false };
  for (const { id } of job.plan.layers) {
    const blend = job.leaves.get(id)?.blend ?? 'normal';
    if (blend !== 'normal')
      return {
        refines: false,
        warning: `refine: layers must have blend "normal", layer "${id}" has "${blend}". All layers stay as decoded.`,
      };
  }
  return { refines: true };
}

/** The layers of an i2l job, every one of which was generated, made to agree with its picture: see refineLayers. */
export async function refineGenerated(
  job: MrtJob,
  given: GivenPictures,
  generated: readonly GeneratedLayer[],
  signal: AbortSignal,
): Promise<GeneratedLayer[]> {
  const { box, pixels } = windowPicture(job, given);
  const made = new Map(generated.map((layer) => [layer.id, layer]));
  const stack = job.plan.layers.map(({ id, opacity }) => {
    const layer = made.get(id);
    if (!layer) throw new UsageError(`refine: layer "${id}" was not generated.`);
    return { ...layer, opacity };
  });
  const refined = await refineLayers(stack, pixels, box[2], box[3], { alpha: job.manifest.alpha, signal });
  return stack.map((layer, i) => ({ id: layer.id, box: layer.box, pixels: refined[i] }));
}

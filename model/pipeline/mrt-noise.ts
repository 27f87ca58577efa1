import { planNoise } from '../noise/plan-noise.ts';
import { TorchRng } from '../sampler/torch-rng.ts';
import type { MrtJob } from './mrt-job.ts';

/** A job's noise by stream: 0 = at the start, i + 1 = fresh noise after step i. f32 [N_noise, depth], in plan order. */
export type JobNoise = (stream: number) => Float32Array;

/**
 * The noise of a job. Streams must be asked for in order: torch's generator goes on from draw to draw.
 *
 * @param depth channels of a token, 4C
 */
export function jobNoise(job: MrtJob, depth: number): JobNoise {
  if (job.rng === 'philox') return (stream) => planNoise(job.plan, job.seed, stream, depth / 4);
  const generator = new TorchRng(job.seed);
  return () => generator.randn(job.plan.numPredicted * depth, 'f32');
}

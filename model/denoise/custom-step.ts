import { ShapeError, UsageError } from '../../runtime/errors.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { guideVelocity } from '../sampler/guidance.ts';
import type { Sampler } from '../sampler/custom-sampler.ts';
import type { TokenRange } from '../tokens/token-plan.ts';
import type { BranchPass, DenoiseSpec } from './denoiser.ts';

/** What a step on the host works on. */
export interface CustomLoop {
  readonly spec: DenoiseSpec;
  readonly ranges: readonly TokenRange[];
  /** f32 [N, C]. */
  readonly tokens: Tensor;
  readonly passes: readonly BranchPass[];
}

/**
 * One step of a sampler of the app's own: the velocity comes to the host, the sampler moves the tokens, only the rows that
 * move go back.
 *
 * @param evaluate runs the whole network on the tokens as they stand, at the noise level of a step
 * @throws ShapeError if the sampler returns another number of values
 */
export async function runCustomStep(
  sampler: Sampler,
  loop: CustomLoop,
  step: number,
  evaluate: (step: number) => Promise<void>,
): Promise<void> {
  const { spec, tokens } = loop;
  const numSteps = spec.sigmas.length - 1;
  const x = (await tokens.read()) as Float32Array;
  const next = await sampler.step({
    step,
    numSteps,
    sigma: spec.sigmas[step],
    sigmaNext: spec.sigmas[step + 1],
    x: x.slice(),
    velocity: await readVelocity(loop),
    evaluate: async (at, of) => {
      if (!Number.isInteger(of) || of < 0 || of >= numSteps)
        throw new UsageError(`sampler: the network knows the noise levels of steps 0 to ${numSteps - 1}, got ${of}.`);
      tokens.write(moved(loop, x, at, 'evaluate'));
      await evaluate(of);
      return readVelocity(loop);
    },
  });
  tokens.write(moved(loop, x, next, `step ${step}`));
}

/** `x` with the moving rows of `next`. */
function moved(loop: CustomLoop, x: Float32Array, next: Float32Array, what: string): Float32Array {
  if (next.length !== x.length)
    throw new ShapeError(
      `sampler: ${what} must give [${loop.tokens.shape.join(', ')}] = ${x.length} values, got ${next.length}.`,
    );
  const channels = loop.tokens.shape[1];
  const result = x.slice();
  for (const [start, end] of loop.ranges) result.set(next.subarray(start * channels, end * channels), start * channels);
  return result;
}

/** The guided velocity as dx/dsigma, f32 [N, C]; rows that do not move are 0. */
async function readVelocity({ spec, ranges, tokens, passes }: CustomLoop): Promise<Float32Array> {
  const channels = tokens.shape[1];
  const [positive, negative] = await Promise.all(passes.map(({ pass }) => pass.readVelocity()));
  const sign = spec.predicts === 'eps-z0' ? 1 : -1;
  const velocity = new Float32Array(positive.length);
  for (const [start, end] of ranges) {
    const from = start * channels;
    const rows = positive.subarray(from, end * channels);
    const guided = negative
      ? guideVelocity(rows, negative.subarray(from, end * channels), {
          scale: spec.cfgScale ?? 1,
          channels,
          rescale: spec.rescale ?? 'none',
        })
      : rows;
    guided.forEach((value, i) => {
      velocity[from + i] = sign * value;
    });
  }
  return velocity;
}

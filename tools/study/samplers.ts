import { registerSampler, type SamplerFactory } from '../../model/sampler/custom-sampler.ts';
import { eulerStep } from '../../model/sampler/step.ts';

/** Heun's method: the mean of the slopes at both ends of a step; Euler into sigma 0. Two network runs a step. */
const heun: SamplerFactory = () => ({
  async step({ step, numSteps, sigma, sigmaNext, x, velocity, evaluate }) {
    const first = eulerStep(x, velocity, sigma, sigmaNext);
    if (step === numSteps - 1) return first;
    const second = await evaluate(first, step + 1);
    return eulerStep(
      x,
      velocity.map((value, i) => 0.5 * (value + second[i])),
      sigma,
      sigmaNext,
    );
  },
});

/** Adams-Bashforth of order 2 on uneven steps: one network run a step, the slope extrapolated from the last two. */
const adamsBashforth: SamplerFactory = () => {
  let before: { readonly velocity: Float32Array; readonly sigma: number } | undefined;
  return {
    step({ sigma, sigmaNext, x, velocity }) {
      const last = before;
      before = { velocity, sigma };
      if (!last) return eulerStep(x, velocity, sigma, sigmaNext);
      const ratio = (sigmaNext - sigma) / (sigma - last.sigma) / 2;
      return eulerStep(
        x,
        velocity.map((value, i) => value + ratio * (value - last.velocity[i])),
        sigma,
        sigmaNext,
      );
    },
  };
};

/** Makes the study's own samplers available by name. @returns takes them away again */
export function registerStudySamplers(): () => void {
  const removers = [registerSampler('heun', heun), registerSampler('ab2', adamsBashforth)];
  return () => {
    for (const remove of removers) remove();
  };
}

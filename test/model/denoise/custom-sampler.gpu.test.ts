import { describe, expect, it } from 'vitest';
import { registerSampler, samplerOf, type SamplerFactory } from '../../../model/sampler/custom-sampler.ts';
import { eulerStep } from '../../../model/sampler/step.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();

const euler: SamplerFactory = () => ({
  step: ({ x, velocity, sigma, sigmaNext }) => eulerStep(x, velocity, sigma, sigmaNext),
});

/** Heun's method: the mean of the slopes at both ends; plain Euler into sigma 0. */
const heun: SamplerFactory = () => ({
  async step({ step, numSteps, x, velocity, sigma, sigmaNext, evaluate }) {
    const first = eulerStep(x, velocity, sigma, sigmaNext);
    if (step === numSteps - 1) return first;
    const second = await evaluate(first, step + 1);
    return eulerStep(
      x,
      velocity.map((value, i) => (value + second[i]) / 2),
      sigma,
      sigmaNext,
    );
  },
});

function nmse(actual: Float32Array, expected: Float32Array): number {
  let error = 0;
  let power = 0;
  expected.forEach((value, i) => {
    error += (actual[i] - value) ** 2;
    power += value ** 2;
  });
  return error / power;
}

describe.skipIf(typeof engine === 'string')('samplers of the app', () => {
  if (typeof engine === 'string') return;
  const last = async (numSteps: number, sampler?: SamplerFactory, predicted?: [number, number][]) => {
    const loop = await testLoop(engine, randomTransformer(engine), {
      numSteps,
      guided: true,
      ...(predicted ? { predicted } : {}),
    });
    const tokens = await loop.denoiser.run({ tokens: loop.tokens, ...(sampler ? { sampler } : {}) });
    loop.denoiser.dispose();
    return { tokens, given: loop.tokens };
  };

  it('Euler on the host is the recorded step', async () => {
    expect(nmse((await last(4, euler)).tokens, (await last(4)).tokens)).toBeLessThan(1e-11);
  });

  it('may ask the network again: Heun converges faster than Euler', async () => {
    const exact = (await last(96)).tokens;
    const error = nmse((await last(12, heun)).tokens, exact);
    expect(error).toBeLessThan(0.7 * nmse((await last(12)).tokens, exact));
  });

  it('moves only rows that move, whatever it returns', async () => {
    const wild: SamplerFactory = () => ({ step: ({ x }) => x.map(() => 7) });
    const { tokens, given } = await last(2, wild, [[4, 9]]);
    expect(tokens.subarray(0, 64)).toEqual(given.subarray(0, 64));
    expect(tokens.subarray(64, 144).every((value) => value === 7)).toBe(true);
    expect(tokens.subarray(144)).toEqual(given.subarray(144));
  });

  it('is refused where it returns another number of values, or asks about a step that there is not', async () => {
    await expect(last(2, () => ({ step: () => new Float32Array(2) }))).rejects.toThrow(
      'sampler: step 0 must give [16, 16] = 256 values, got 2.',
    );
    await expect(last(2, () => ({ step: ({ x, evaluate }) => evaluate(x, 2) }))).rejects.toThrow(
      'sampler: the network knows the noise levels of steps 0 to 1, got 2.',
    );
  });

  it('is found by name', () => {
    const remove = registerSampler('heun', heun);
    expect(samplerOf('heun')).toBe(heun);
    expect(() => registerSampler('heun', heun)).toThrow('sampler: "heun" exists already. Choose another name.');
    expect(() => registerSampler('euler', euler)).toThrow('exists already');
    remove();
    expect(() => samplerOf('heun')).toThrow(
      'sampler: there is no "heun". Registered: none; euler and renoise are forms.',
    );
  });
});

// A sampler of one's own, by name: Heun's method, which asks the network twice a step.
//   npx tsx examples/research/custom-sampler.ts [MODEL]
import { registerSampler } from '../../node.ts';
import { DESIGN, withModel } from './tiny-model.ts';

registerSampler('heun', () => ({
  async step({ step, numSteps, sigma, sigmaNext, x, velocity, evaluate }) {
    const walk = (slope: Float32Array): Float32Array => x.map((value, i) => value + (sigmaNext - sigma) * slope[i]);
    const first = walk(velocity);
    if (step === numSteps - 1) return first; // the network is not asked about sigma 0
    const second = await evaluate(first, step + 1);
    return walk(velocity.map((value, i) => (value + second[i]) / 2));
  },
}));

await withModel(async (pipeline) => {
  const exact = await pipeline.run(DESIGN, { steps: 64, form: 'euler' });
  for (const sampler of [undefined, 'heun']) {
    const result = await pipeline.run(DESIGN, { steps: 8, form: 'euler', ...(sampler ? { sampler } : {}) });
    let apart = 0;
    result.merged.data.forEach((value, i) => {
      apart += (value - exact.merged.data[i]) ** 2;
    });
    const rms = Math.sqrt(apart / exact.merged.data.length);
    console.log(`${sampler ?? 'euler'} in 8 steps: ${rms.toFixed(2)} of 255 rms from 64 steps`);
  }
});

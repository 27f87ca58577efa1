import { describe, expect, it } from 'vitest';
import type { TransformerConfig } from '../../../model/config/transformer-config.ts';
import type { ModulationMode } from '../../../model/denoise/modulation-feed.ts';
import { PASS_STATES } from '../../../model/mmdit/transformer-program.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { nmse } from '../../../tools/study/compare-outputs.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();

type LoopOptions = NonNullable<Parameters<typeof testLoop>[2]>;

/** Loops that differ in all that modulation depends on: rows, branches, the added condition, the number of steps. */
const LOOPS: readonly (readonly [string, Partial<TransformerConfig>, LoopOptions])[] = [
  ['one row', {}, {}],
  ['guided', {}, { guided: true, numSteps: 5 }],
  [
    'tokens at t = 0',
    { zeroCondT: true },
    {
      guided: true,
      shapes: [
        [1, 4, 4],
        [1, 2, 3],
      ],
      predicted: [[0, 16]],
    },
  ],
  ['an added condition', { useAdditionalTCond: true }, { spec: { additionalTCond: 1 }, numSteps: 2 }],
  ['another width', { numAttentionHeads: 5, numLayers: 3 }, { numSteps: 9 }],
];

describe.skipIf(typeof engine === 'string')('modulation of one step at a time', () => {
  if (typeof engine === 'string') return;
  /**
   * To the bit on a software driver, whose kernels sum a product in the same order however many rows it has. A GPU has
   * kernels of their own for a single row, and for f16 on matrix units.
   */
  const expectSame = (actual: readonly Float32Array[], wanted: readonly Float32Array[]): void => {
    expect(actual).toHaveLength(wanted.length);
    if (engine.info.isSoftware) expect(actual).toEqual(wanted);
    else for (const [i, latents] of actual.entries()) expect(nmse(latents, wanted[i])).toBeLessThan(1e-6);
  };
  const loopOf = (modulation: ModulationMode, size: Partial<TransformerConfig>, options: LoopOptions) =>
    testLoop(engine, randomTransformer(engine, size), { ...options, spec: { ...options.spec, modulation } });

  it.each(LOOPS)('gives the tokens of the table: %s', async (_, size, options) => {
    const [table, perStep] = [await loopOf('table', size, options), await loopOf('perStep', size, options)];
    const wanted = await table.record();
    expect(wanted.latents[0]).not.toEqual(table.tokens);
    expectSame((await perStep.record()).latents, wanted.latents);
    // A second run has a first step again.
    expectSame((await perStep.record()).latents, wanted.latents);
    table.denoiser.dispose();
    perStep.denoiser.dispose();
  });

  it('goes with step caching, hits and misses alike', async () => {
    const cache = {
      method: 'dbcache',
      fnComputeBlocks: 1,
      residualDiffThreshold: 0.999,
      maxWarmupSteps: 1,
      maxContinuousCachedSteps: 1,
    } as const;
    const record = async (modulation: ModulationMode) => {
      const loop = await loopOf(modulation, {}, { guided: true });
      const done = await loop.record(await loop.cached(cache));
      loop.denoiser.dispose();
      return done;
    };
    const wanted = await record('table');
    expect(wanted.reports.some(({ computed }) => !computed)).toBe(true);
    const perStep = await record('perStep');
    expectSame(perStep.latents, wanted.latents);
    expect(perStep.reports.map(({ reason }) => reason)).toEqual(wanted.reports.map(({ reason }) => reason));
  });

  it.each(['table', 'perStep'] as const)('has one tensor for both branches: %s', async (modulation) => {
    const loop = await loopOf(modulation, {}, { guided: true });
    const { cond, uncond } = loop.denoiser.passes;
    expect(uncond!.program.bufferOf(PASS_STATES.modulation)).toBe(cond!.program.bufferOf(PASS_STATES.modulation));
    loop.denoiser.dispose();
  });

  it('makes no pipelines, buffers or bind groups from step to step and run to run', async () => {
    const loop = await loopOf('perStep', { zeroCondT: true }, { guided: true });
    await loop.record();
    const { pipelinesCompiled, buffersCreated, bindGroupsCreated } = engine.counters;
    await loop.record();
    expect(engine.counters).toMatchObject({ pipelinesCompiled, buffersCreated, bindGroupsCreated });
    loop.denoiser.dispose();
  });

  it('holds the modulation weights for the run, and gives all back with the loop', async () => {
    await using own = await openEngine();
    const transformer = randomTransformer(own);
    const bytesOf = async (modulation: ModulationMode) => {
      own.pool.trim();
      const loop = await testLoop(own, transformer, { numSteps: 3, spec: { modulation } });
      own.pool.trim();
      const held = own.counters.liveBytes;
      const { modulationBytes } = loop.denoiser;
      loop.denoiser.dispose();
      await own.idle();
      own.pool.trim();
      return { held, modulationBytes, left: own.counters.liveBytes };
    };
    await bytesOf('table'); // the transformer's own weights come with the first pass and stay
    const table = await bytesOf('table');
    const perStep = await bytesOf('perStep');
    expect(perStep.left).toBe(table.left);
    expect(perStep.held - table.held).toBeGreaterThan(0);
    // Six blocks of width 32: 12 vectors a block and 2 of the head from [32], f32, and the embedder's two matrices.
    const vectors = (12 * 6 + 2) * 32;
    expect(table.modulationBytes).toBe(4 * 3 * (vectors + 32));
    const weights = 4 * (vectors * 33 + 32 * 257 + 32 * 33);
    expect(perStep.modulationBytes).toBeGreaterThanOrEqual(weights);
    expect(perStep.modulationBytes).toBeLessThan(1.05 * weights);
  });

  it('says which timesteps it needs', async () => {
    const transformer = randomTransformer(engine);
    using out = engine.tensor('f32', [1, (12 * 6 + 2) * 32]);
    const modulation = await transformer.stepModulation(out);
    expect(() => modulation.run([1, 0])).toThrow('step modulation: needs 1 timesteps, got 2.');
    await modulation.dispose();
  });
});

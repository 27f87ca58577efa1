import { describe, expect, it } from 'vitest';
import type { CacheConfig } from '../../../model/cache/cache-config.ts';
import type { PassReport } from '../../../model/denoise/denoiser.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();

/** Computes and reuses in turns, with a measured difference behind every decision. */
const MEASURED: CacheConfig = {
  method: 'dbcache',
  fnComputeBlocks: 1,
  bnComputeBlocks: 1,
  maxWarmupSteps: 1,
  residualDiffThreshold: 0.999,
  maxContinuousCachedSteps: 1,
  calibrator: { type: 'taylorseer', order: 2 },
};

/** Calls of every method of the device that makes something, by its name; `device` is the engine's own. */
function countCreations(device: GPUDevice): { readonly made: Map<string, number>; readonly stop: () => void } {
  const made = new Map<string, number>();
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(device)).filter((name) => name.startsWith('create'));
  const own = device as unknown as Record<string, unknown>;
  for (const name of names) {
    const original = (own[name] as (...args: unknown[]) => unknown).bind(device);
    own[name] = (...args: unknown[]) => {
      made.set(name, (made.get(name) ?? 0) + 1);
      return original(...args);
    };
  }
  return {
    made,
    stop: () => {
      for (const name of names) delete own[name];
    },
  };
}

describe.skipIf(typeof engine === 'string')('a step of the denoise loop', () => {
  if (typeof engine === 'string') return;

  for (const [name, config] of [
    ['with guidance', undefined],
    ['with guidance and a step cache', MEASURED],
  ] as const)
    it(`${name} makes nothing on the device but command encoders, and a run reads its result once`, async () => {
      const loop = await testLoop(engine, randomTransformer(engine), { guided: true });
      const runner = config && (await loop.cached(config));
      const run = async (): Promise<readonly PassReport[]> => {
        const reports: PassReport[] = [];
        await loop.denoiser.run({
          tokens: loop.tokens,
          ...(runner && { runner }),
          onStep: (report) => void reports.push(...report.passes),
        });
        return reports;
      };
      await run(); // compiles nothing, but makes the staging buffer of the readback
      const { made, stop } = countCreations(engine.device);
      const before = { ...engine.counters };
      try {
        const reports = await run();
        expect(reports).toHaveLength(16);
        expect(reports.some(({ computed }) => computed)).toBe(true);
        expect(reports.some(({ computed }) => !computed)).toBe(config !== undefined);
        // The counter itself works: each submit has an encoder.
        expect(made.get('createCommandEncoder')).toBe(engine.counters.submits - before.submits);
        expect([...made.keys()]).toEqual(['createCommandEncoder']);
        const { pipelinesCompiled, buffersCreated, bindGroupsCreated, liveBytes } = before;
        expect(engine.counters).toMatchObject({ pipelinesCompiled, buffersCreated, bindGroupsCreated, liveBytes });
        // One readback of the tokens; a cache that measures reads two means for each decision that it makes.
        const decisions = reports.filter(({ difference }) => !Number.isNaN(difference)).length;
        const readBack = engine.counters.bytesReadBack - before.bytesReadBack;
        expect(readBack).toBe(4 * loop.tokens.length + 8 * decisions);
        engine.device.createBuffer({ size: 4, usage: 8 }).destroy();
        expect(made.get('createBuffer')).toBe(1);
      } finally {
        stop();
      }
      loop.denoiser.dispose();
    });
});

import { describe, expect, it } from 'vitest';
import { registerCacheMethod, type CacheConfig } from '../../../model/cache/cache-config.ts';
import { LastResidual } from '../../../model/cache/calibrators.ts';
import type { CacheCall } from '../../../model/cache/contract.ts';
import type { CacheRunner } from '../../../model/cache/cache-runner.ts';
import type { PassReport } from '../../../model/denoise/denoiser.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();

/** Reuses every other step, with a calibrator that has history. */
const EVERY_OTHER: CacheConfig = {
  method: 'dbcache',
  fnComputeBlocks: 1,
  bnComputeBlocks: 1,
  stepsComputationMask: [1, 1, 0, 1, 0, 1, 0, 1],
  stepsComputationPolicy: 'static',
  calibrator: { type: 'foca' },
};
const ALWAYS_MEASURED: CacheConfig = {
  method: 'dbcache',
  fnComputeBlocks: 1,
  maxWarmupSteps: 1,
  residualDiffThreshold: 0.999,
  maxContinuousCachedSteps: 1,
};

const hits = (reports: readonly PassReport[]): string => reports.map(({ computed }) => (computed ? '1' : '0')).join('');

describe.skipIf(typeof engine === 'string')('CacheRunner', () => {
  if (typeof engine === 'string') return;

  it('reports what it did: blocks, difference, reason, FLOPs', async () => {
    const loop = await testLoop(engine, randomTransformer(engine), { guided: true });
    const runner = await loop.cached(ALWAYS_MEASURED);
    const { reports } = await loop.record(runner);
    const off = await loop.record();
    expect(reports).toHaveLength(16);
    expect(hits(reports).slice(0, 10)).toBe('1100110011');
    const [computed, , hit] = reports;
    expect(computed).toMatchObject({ branch: 'cond', blocksRun: 6, flopsSaved: 0, reason: 'warmup' });
    expect(computed.difference).toBeNaN();
    expect(hit).toMatchObject({ branch: 'cond', computed: false, blocksRun: 1, reason: 'near' });
    expect(hit.difference).toBeGreaterThan(0);
    const full = off.reports[0].flops;
    // A hit's work is a full pass less the five middle blocks, plus the cache's own sums.
    expect(hit.flops).toBeGreaterThan(full - hit.flopsSaved);
    expect(hit.flops).toBeLessThan(full - hit.flopsSaved + 0.02 * full);
    expect(hit.flopsSaved).toBe(
      loop.denoiser.passes.cond!.program.flops(['block.1', 'block.2', 'block.3', 'block.4', 'block.5']),
    );
    loop.denoiser.dispose();
  });

  it('makes no pipelines, buffers or bind groups from step to step and run to run, hits and misses alike', async () => {
    const loop = await testLoop(engine, randomTransformer(engine), { guided: true });
    const runner = await loop.cached({ ...ALWAYS_MEASURED, calibrator: { type: 'taylorseer', order: 2 } });
    await loop.record(runner);
    const { pipelinesCompiled, buffersCreated, bindGroupsCreated } = engine.counters;
    for (let run = 0; run < 2; run++) await loop.record(runner);
    expect(engine.counters).toMatchObject({ pipelinesCompiled, buffersCreated, bindGroupsCreated });
    loop.denoiser.dispose();
  });

  it('gives all its buffers back with the loop', async () => {
    await using own = await openEngine();
    const transformer = randomTransformer(own);
    const around = async (): Promise<number> => {
      const loop = await testLoop(own, transformer, { guided: true });
      await loop.record(await loop.cached(EVERY_OTHER));
      loop.denoiser.dispose();
      own.pool.trim();
      return own.counters.liveBytes;
    };
    const first = await around();
    expect(await around()).toBe(first);
  });

  describe('leaves no stale cache: the next run equals a fresh one bit for bit', () => {
    const runTwice = async (
      spoil: (loop: Awaited<ReturnType<typeof testLoop>>, runner: CacheRunner) => Promise<unknown>,
      config: CacheConfig = EVERY_OTHER,
    ): Promise<void> => {
      const fresh = await testLoop(engine, randomTransformer(engine), { guided: true });
      const wanted = await fresh.record(await fresh.cached(config));
      fresh.denoiser.dispose();
      const loop = await testLoop(engine, randomTransformer(engine), { guided: true });
      const runner = await loop.cached(config);
      await spoil(loop, runner);
      const again = await loop.record(runner);
      expect(again.latents).toEqual(wanted.latents);
      expect(again.reports).toEqual(wanted.reports);
      loop.denoiser.dispose();
    };

    it('after a whole run', () => runTwice((loop, runner) => loop.record(runner)));

    it('after an abort at any step', async () => {
      for (const step of [0, 2, 5])
        await runTwice(async (loop, runner) => {
          const controller = new AbortController();
          const reason = new Error('enough');
          const run = loop.denoiser.run({
            tokens: loop.tokens,
            runner,
            signal: controller.signal,
            onStep: (report) => {
              if (report.step === step) controller.abort(reason);
            },
          });
          await expect(run).rejects.toBe(reason);
        });
    });

    it('after a run full of NaN', () =>
      runTwice(async (loop, runner) => {
        await loop.denoiser.run({ tokens: new Float32Array(loop.tokens.length).fill(Number.NaN), runner });
      }));

    it('after an error in a custom policy, wherever it strikes', async () => {
      for (const at of ['decide', 'compare'] as const) {
        let broken = true;
        const failing = (call: CacheCall, where: typeof at): void => {
          if (broken && call.step === 3 && where === at) throw new Error('policy is broken');
        };
        const remove = registerCacheMethod('failing', {
          plan: () => ({
            firstBlocks: 2,
            lastBlocks: 1,
            independentBranches: true,
            calibrator: () => new LastResidual(),
            policy: () => ({
              decide: (call) => {
                failing(call, 'decide');
                return call.step < 2 ? { action: 'compute', reason: 'first' } : 'measure';
              },
              compare: (call) => {
                failing(call, 'compare');
                return { action: call.step % 2 === 0 ? 'reuse' : 'compute', reason: 'parity' };
              },
            }),
          }),
        });
        try {
          broken = false;
          await runTwice(
            async (loop, runner) => {
              broken = true;
              await expect(loop.record(runner)).rejects.toThrow('policy is broken');
              broken = false;
            },
            { method: 'failing' },
          );
        } finally {
          remove();
        }
      }
    });

    it('after the device is lost: a new engine starts afresh', async () => {
      const wanted = await (async () => {
        const loop = await testLoop(engine, randomTransformer(engine));
        const record = await loop.record(await loop.cached(EVERY_OTHER));
        loop.denoiser.dispose();
        return record;
      })();
      const lost = await openEngine();
      const loop = await testLoop(lost, randomTransformer(lost));
      const runner = await loop.cached(EVERY_OTHER);
      const run = loop.denoiser.run({
        tokens: loop.tokens,
        runner,
        onStep: ({ step }) => {
          if (step === 4) lost.device.destroy();
        },
      });
      await expect(run).rejects.toMatchObject({ code: 'E_DEVICE', fault: 'lost' });
      lost.dispose();
      await using next = await openEngine();
      const after = await testLoop(next, randomTransformer(next));
      expect((await after.record(await after.cached(EVERY_OTHER))).latents).toEqual(wanted.latents);
    });
  });

  it('refuses to reuse where nothing was computed, and to run without a beginning', async () => {
    const remove = registerCacheMethod('eager', {
      plan: () => ({
        firstBlocks: 1,
        lastBlocks: 0,
        independentBranches: true,
        calibrator: () => new LastResidual(),
        policy: () => ({
          decide: () => ({ action: 'reuse', reason: 'eager' }),
          compare: () => ({ action: 'reuse', reason: 'eager' }),
        }),
      }),
    });
    const loop = await testLoop(engine, randomTransformer(engine));
    const runner = await loop.cached({ method: 'eager' });
    await expect(loop.record(runner)).rejects.toThrow(
      'cache: step 0 (cond) is to reuse what an earlier step computed, but none was: a policy must compute first.',
    );
    remove();
    const unbegun = await loop.cached(EVERY_OTHER);
    await expect(unbegun.run([{ branch: 'cond', pass: loop.denoiser.passes.cond! }], 0)).rejects.toThrow(
      'cache: begin() must be called before the first step of a run.',
    );
    loop.denoiser.dispose();
  });

  it('measures noise tokens only, region by region, where the plan has others', async () => {
    const options = {
      shapes: [
        [1, 2, 4],
        [1, 2, 2],
        [1, 3, 3],
      ] as const,
      predicted: [
        [0, 8],
        [12, 21],
      ] as const,
    };
    const loop = await testLoop(engine, randomTransformer(engine), options);
    const noise = await loop.record(await loop.cached(ALWAYS_MEASURED, { tokens: 'noise' }));
    const all = await loop.record(await loop.cached({ ...ALWAYS_MEASURED, tokens: 'all' }, { tokens: 'noise' }));
    const [, ofNoise] = noise.reports;
    const [, ofAll] = all.reports;
    expect(ofNoise.regions).toHaveLength(2);
    expect(ofAll.regions).toBeUndefined();
    expect(ofNoise.difference).not.toBe(ofAll.difference);
    const [low, high] = ofNoise.regions!.map(({ difference }) => difference).sort((a, b) => a - b);
    expect(ofNoise.regions!.map(({ hit }) => hit)).toEqual(
      ofNoise.regions!.map(({ difference }) => difference < 0.999),
    );
    expect(ofNoise.difference).toBeGreaterThanOrEqual(low);
    expect(ofNoise.difference).toBeLessThanOrEqual(high);
    loop.denoiser.dispose();
  });

  it('touches nothing where nothing is reused: caching that never hits equals caching off, bit for bit', async () => {
    const loop = await testLoop(engine, randomTransformer(engine), { guided: true });
    const never = await loop.cached({ method: 'dbcache', fnComputeBlocks: 2, residualDiffThreshold: 0 });
    expect((await loop.record(never)).latents).toEqual((await loop.record()).latents);
    loop.denoiser.dispose();
  });
});

import { describe, expect, it } from 'vitest';
import { CACHE_SEGMENTS } from '../../../model/cache/cache-program.ts';
import { EMBED_SEGMENT, HEAD_SEGMENT } from '../../../model/mmdit/transformer-program.ts';
import { profileProgram } from '../../../runtime/timing.ts';
import type { Program } from '../../../runtime/program/program.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();
const canTime = typeof engine !== 'string' && engine.device.features.has('timestamp-query');
// A time is a measurement, not a test: it depends on what else the machine does. So it is taken on request only.
const isAsked = process.env.LAYERLOOM_TIMING === '1';

describe.skipIf(!canTime || !isAsked)('a cached step (measured with LAYERLOOM_TIMING=1)', () => {
  if (typeof engine === 'string') return;

  /**
   * GPU milliseconds of several lists of segments: the least of each dispatch over replays that take turns, because other
   * processes share the machine.
   */
  const timesOf = async (lists: readonly (readonly [Program, readonly string[]])[]): Promise<number[]> => {
    const least: number[][] = lists.map(() => []);
    for (let round = 0; round < 12; round++)
      for (const [i, [program, segments]] of lists.entries()) {
        const times = (await profileProgram(engine, program, segments)).map(({ durationMs }) => durationMs);
        least[i] = times.map((time, at) => Math.min(time, least[i][at] ?? time));
      }
    return least.map((times) => times.reduce((sum, time) => sum + time, 0));
  };

  // Noise of other processes only ever adds: one undisturbed attempt shows what the device can do.
  it.each([
    [1, 0],
    [2, 2],
  ])(
    'with F%d B%d takes the share of its blocks of a full step, and a twentieth more at most',
    { retry: 3 },
    async (first, last) => {
      const transformer = randomTransformer(engine, {
        numLayers: 12,
        numAttentionHeads: 4,
        attentionHeadDim: 32,
        axesDimsRope: [8, 12, 12],
      });
      const loop = await testLoop(engine, transformer, { shapes: [[1, 14, 14]], textLength: 24 });
      const runner = await loop.cached({ method: 'dbcache', fnComputeBlocks: first, bnComputeBlocks: last });
      await loop.record(runner);
      const pass = loop.denoiser.passes.cond!;
      const cache = runner.programOf('cond');
      const [full, blocks, sums] = await timesOf([
        [pass.program, [EMBED_SEGMENT, ...pass.blocks(0, 12), HEAD_SEGMENT]],
        [pass.program, [EMBED_SEGMENT, ...pass.blocks(0, first), ...pass.blocks(12 - last, 12), HEAD_SEGMENT]],
        [cache, [CACHE_SEGMENTS.mark, CACHE_SEGMENTS.measure, CACHE_SEGMENTS.add(0)]],
      ]);
      const share = (blocks + sums) / full;
      console.log(
        `F${first} B${last}: full ${full.toFixed(2)} ms, cached ${(blocks + sums).toFixed(2)} ms of which the cache's own ${sums.toFixed(2)} ms; share ${share.toFixed(3)}, bound ${((first + last) / 12 + 0.05).toFixed(3)}`,
      );
      expect(share).toBeLessThanOrEqual((first + last) / 12 + 0.05);
      loop.denoiser.dispose();
    },
  );
});

// A caching policy of one's own: the difference must fall from step to step, and at most every other step is reused.
//   npx tsx examples/research/custom-cache.ts [MODEL]
import { LastResidual, registerCacheMethod, type CachePolicy } from '../../node.ts';
import { DESIGN, withModel } from './tiny-model.ts';

/** Fresh for every run: nothing to reset. */
class FallingDifference implements CachePolicy {
  #reused = true;
  #last = Number.POSITIVE_INFINITY;

  decide({ step }: { step: number }): ReturnType<CachePolicy['decide']> {
    if (step > 0 && !this.#reused) return 'measure';
    this.#reused = false;
    return { action: 'compute', reason: step === 0 ? 'first' : 'alternate' };
  }

  compare(_call: unknown, difference: number): ReturnType<CachePolicy['compare']> {
    const isFalling = difference < this.#last;
    this.#last = difference;
    this.#reused = isFalling;
    return isFalling ? { action: 'reuse', reason: 'falling' } : { action: 'compute', reason: 'rising' };
  }
}

registerCacheMethod('falling', {
  plan: () => ({
    firstBlocks: 1,
    lastBlocks: 0,
    independentBranches: false, // one policy object serves both passes
    policy: () => new FallingDifference(),
    calibrator: () => new LastResidual(),
  }),
});

await withModel(async (pipeline) => {
  const run = pipeline.run(DESIGN, { cache: { method: 'falling' } });
  for await (const event of run)
    if (event.type === 'step')
      for (const pass of event.passes)
        console.log(
          `step ${event.step} ${pass.branch}: ${pass.computed ? 'computed' : 'reused'} (${pass.reason}), ` +
            `difference ${pass.difference.toFixed(3)}, ${pass.blocksRun} blocks, ${(pass.flopsSaved / 1e6).toFixed(1)} MFLOP saved`,
        );
  await run;
});

import { describe, expect, it } from 'vitest';
import type { CacheBranch } from '../../../model/cache/contract.ts';
import { DBCACHE_DEFAULTS, DbCachePolicy, planDbCache, type DbCacheConfig } from '../../../model/cache/dbcache.ts';
import { FirstBlockCachePolicy } from '../../../model/cache/first-block-cache.ts';
import type { CachePolicy } from '../../../model/cache/contract.ts';

const policy = (config: Partial<DbCacheConfig>): CachePolicy =>
  new DbCachePolicy({ ...DBCACHE_DEFAULTS, maxWarmupSteps: 0, residualDiffThreshold: 0.5, ...config });

/** Asks for one call; a measured difference is `difference`. */
function ask(decider: CachePolicy, step: number, difference: number, branch: CacheBranch = 'cond'): string {
  const verdict = decider.decide({ step, branch });
  if (verdict === 'measure') return decider.compare({ step, branch }, difference).reason;
  return verdict.reason;
}

const walk = (decider: CachePolicy, differences: readonly number[]): string[] =>
  differences.map((difference, step) => ask(decider, step, difference));

describe('DbCachePolicy', () => {
  it('computes the first call even without warm-up, then goes by the difference, strictly', () => {
    expect(walk(policy({}), [9, 0.4999, 0.5, 0.1])).toEqual(['first', 'near', 'far', 'near']);
  });

  it('computes every I-th warm-up step, and opens the others to caching', () => {
    const decider = policy({ maxWarmupSteps: 5, warmupInterval: 2 });
    expect(walk(decider, [0, 0.1, 0.1, 0.9, 0.1, 0.1])).toEqual(['warmup', 'near', 'warmup', 'far', 'warmup', 'near']);
  });

  it('cuts the warm-up to the leading ones of a mask', () => {
    const decider = policy({ maxWarmupSteps: 9, stepsComputationMask: [1, 1, 0, 1] });
    expect(walk(decider, [0, 0, 0.1, 0, 0.1])).toEqual(['warmup', 'warmup', 'near', 'mask', 'near']);
  });

  it('hits at a static 0 whatever the limits and the difference, and never measures', () => {
    const decider = policy({
      stepsComputationMask: [1, 0, 0, 1],
      stepsComputationPolicy: 'static',
      maxCachedSteps: 0,
      residualDiffThreshold: 0,
      maxWarmupSteps: 8,
    });
    expect(walk(decider, [9, 9, 9, 9, 9])).toEqual(['warmup', 'static', 'static', 'mask', 'static']);
  });

  it('counts hits against the limit on all, and on consecutive ones', () => {
    expect(walk(policy({ maxCachedSteps: 2 }), [0, 0.1, 0.9, 0.1, 0.1])).toEqual([
      'first',
      'near',
      'far',
      'near',
      'max-cached',
    ]);
    expect(walk(policy({ maxContinuousCachedSteps: 1 }), [0, 0.1, 0.1, 0.1, 0.1])).toEqual([
      'first',
      'near',
      'max-continuous',
      'near',
      'max-continuous',
    ]);
  });

  it('sums up every measured difference, misses included, and tests the sum before this step', () => {
    const decider = policy({ maxAccumulatedResidualDiffThreshold: 1 });
    expect(walk(decider, [0, 0.7, 0.29, 0.1, 0.1])).toEqual(['first', 'far', 'near', 'near', 'accumulated']);
    const exact = policy({ maxAccumulatedResidualDiffThreshold: 0.5 });
    expect(walk(exact, [0, 0.25, 0.25, 0])).toEqual(['first', 'near', 'near', 'accumulated']);
  });

  it('never caches at a threshold of 0 or below, always at 1 or above', () => {
    expect(walk(policy({ residualDiffThreshold: 0 }), [0, 0])).toEqual(['never', 'never']);
    expect(walk(policy({ residualDiffThreshold: 1 }), [0, 99, 99])).toEqual(['first', 'always', 'always']);
  });

  it('computes on a difference that is no number, and adds nothing', () => {
    const decider = policy({ maxAccumulatedResidualDiffThreshold: 0.3 });
    expect(walk(decider, [0, Number.NaN, 0.2, 0.2, 0.2])).toEqual(['first', 'far', 'near', 'near', 'accumulated']);
  });

  it('takes over the guided difference of the step for the unguided pass, with its own counters', () => {
    const decider = policy({ cfgDiffComputeSeparate: false, maxCachedSteps: 1 });
    ask(decider, 0, 0);
    ask(decider, 0, 0, 'uncond');
    expect(ask(decider, 1, 0.2)).toBe('near');
    expect(decider.decide({ step: 1, branch: 'uncond' })).toEqual({ action: 'reuse', reason: 'near', difference: 0.2 });
    // The guided pass measured nothing at step 2 (its limit is reached); nor does the unguided one.
    expect(ask(decider, 2, 0.2)).toBe('max-cached');
    expect(ask(decider, 2, 0.2, 'uncond')).toBe('max-cached');
  });

  it('measures for itself where the guided pass recorded nothing', () => {
    const decider = policy({ cfgDiffComputeSeparate: false, maxContinuousCachedSteps: 1 });
    ask(decider, 0, 0);
    ask(decider, 0, 0, 'uncond');
    expect(ask(decider, 1, 0.2)).toBe('near');
    expect(ask(decider, 1, 0.9, 'uncond')).toBe('near');
    expect(ask(decider, 2, 0.2)).toBe('max-continuous');
    expect(ask(decider, 2, 0.2, 'uncond')).toBe('max-continuous');
    expect(ask(decider, 3, 0.9)).toBe('far');
    expect(decider.decide({ step: 3, branch: 'uncond' })).toEqual({
      action: 'compute',
      reason: 'far',
      difference: 0.9,
    });
  });

  it('keeps the branches apart', () => {
    const decider = policy({ maxCachedSteps: 1 });
    expect(ask(decider, 0, 0)).toBe('first');
    expect(ask(decider, 0, 0, 'uncond')).toBe('first');
    expect(ask(decider, 1, 0.1)).toBe('near');
    expect(ask(decider, 2, 0.1)).toBe('max-cached');
    expect(ask(decider, 2, 0.1, 'uncond')).toBe('near');
  });

  it('refuses first and last blocks that overlap', () => {
    const config = { ...DBCACHE_DEFAULTS, fnComputeBlocks: 3, bnComputeBlocks: 2 };
    expect(() => planDbCache(config, { numBlocks: 4, numSteps: 8 })).toThrow(
      "cache: fnComputeBlocks + bnComputeBlocks must be at most the model's 4 blocks, got 5.",
    );
    expect(planDbCache(config, { numBlocks: 5, numSteps: 8 })).toMatchObject({ firstBlocks: 3, lastBlocks: 2 });
  });
});

describe('FirstBlockCachePolicy', () => {
  it('computes without state and above the threshold; equality and no number hit', () => {
    const decider = new FirstBlockCachePolicy({ threshold: 0.25 });
    expect(walk(decider, [0, 0.2, 0.25, 0.2501, Number.NaN])).toEqual(['first', 'near', 'near', 'far', 'near']);
    expect(ask(decider, 5, 0, 'uncond')).toBe('first');
  });
});

import { describe, expect, it } from 'vitest';
import { parseCacheConfig, parseCacheOption, registerCacheMethod } from '../../../model/cache/cache-config.ts';
import type { CacheMethod } from '../../../model/cache/contract.ts';
import { ConfigError } from '../../../runtime/errors.ts';

const model = { numBlocks: 6, numSteps: 8 };

describe('parseCacheConfig', () => {
  it("takes both spellings of DBCache's fields, and cache-dit's defaults", () => {
    const own = parseCacheConfig({ method: 'dbcache', fnComputeBlocks: 2, bnComputeBlocks: 1 }).plan(model);
    const theirs = parseCacheConfig({ method: 'dbcache', Fn_compute_blocks: 2, Bn_compute_blocks: 1 }).plan(model);
    for (const plan of [own, theirs]) expect(plan).toMatchObject({ firstBlocks: 2, lastBlocks: 1 });
    expect(() => parseCacheConfig({ method: 'dbcache' }).plan(model)).toThrow("at most the model's 6 blocks, got 8");
  });

  it('makes a preset a mask with one first block; fields beside it win', () => {
    const plan = parseCacheConfig({ preset: 'ultra' }).plan(model);
    expect(plan).toMatchObject({ firstBlocks: 1, lastBlocks: 0, independentBranches: true });
    const policy = plan.policy();
    const reasons = Array.from({ length: 8 }, (_, step) => {
      const verdict = policy.decide({ step, branch: 'cond' });
      return verdict === 'measure' ? policy.compare({ step, branch: 'cond' }, 0.5).reason : verdict.reason;
    });
    expect(reasons).toEqual(['warmup', 'warmup', 'near', 'near', 'mask', 'near', 'near', 'mask']);
    const static_ = parseCacheConfig({ preset: 'ultra', bnComputeBlocks: 2, stepsComputationPolicy: 'static' });
    expect(static_.plan(model)).toMatchObject({ firstBlocks: 1, lastBlocks: 2 });
    expect(() => parseCacheConfig({ preset: 'slow' }).plan({ ...model, numSteps: 5 })).toThrow('got 5');
  });

  it.each([
    [null, 'cache: configuration must be an object, got null.'],
    [[], 'cache: configuration must be an object, got [].'],
    [{}, 'cache: method or preset must be given, got nothing.'],
    [{ preset: 'turbo' }, 'cache: preset must be one of slow, medium, fast, ultra, got "turbo".'],
    [
      { preset: 'fast', method: 'fbcache' },
      'cache: method must be "dbcache" or absent beside a preset, got "fbcache".',
    ],
    [{ method: 'magic' }, 'cache: method must be one of dbcache, fbcache, got "magic".'],
    [{ method: 'dbcache', tokens: 'text' }, 'cache: tokens must be "noise" or "all", got "text".'],
    [{ method: 'dbcache', treshold: 1 }, 'cache: treshold is no field of method "dbcache".'],
    [{ method: 'dbcache', fnComputeBlocks: 0 }, 'cache: fnComputeBlocks must be a whole number of at least 1, got 0.'],
    [
      { method: 'dbcache', Fn_compute_blocks: 1.5 },
      'cache: Fn_compute_blocks must be a whole number of at least 1, got 1.5.',
    ],
    [
      { method: 'dbcache', fnComputeBlocks: 1, Fn_compute_blocks: 1 },
      'cache: fnComputeBlocks and Fn_compute_blocks are the same field: give one.',
    ],
    [{ method: 'dbcache', residualDiffThreshold: '0.1' }, 'cache: residualDiffThreshold must be a number, got "0.1".'],
    [{ method: 'dbcache', warmupInterval: 0 }, 'cache: warmupInterval must be a whole number of at least 1, got 0.'],
    [{ method: 'dbcache', cfgDiffComputeSeparate: 1 }, 'cache: cfgDiffComputeSeparate must be true or false, got 1.'],
    [
      { method: 'dbcache', stepsComputationMask: [1, 2] },
      'cache: stepsComputationMask must be a list of 0 and 1, got [1,2].',
    ],
    [
      { method: 'dbcache', stepsComputationPolicy: 'lazy' },
      'cache: stepsComputationPolicy must be "dynamic" or "static", got "lazy".',
    ],
    [
      { method: 'dbcache', stepsComputationMask: [0, 1], stepsComputationPolicy: 'static' },
      'cache: stepsComputationMask must start with 1 under policy "static": step 0 has nothing to reuse.',
    ],
    [
      { method: 'dbcache', calibrator: { type: 'magic' } },
      'cache: calibrator.type must be "taylorseer" or "foca", got "magic".',
    ],
    [
      { method: 'dbcache', calibrator: { type: 'taylorseer', order: 99 } },
      'cache: calibrator.order must be a whole number from 0 to 16, got 99.',
    ],
    [
      { method: 'dbcache', calibrator: { type: 'foca', order: 1, k: 2 } },
      'cache: calibrator.k is no field of a calibrator.',
    ],
  ])('refuses %j by naming the field', (value, message) => {
    expect(() => parseCacheConfig(value)).toThrow(new ConfigError(message, { rule: 'cache' }));
  });

  it('refuses a wrong field of FirstBlockCache when it is planned', () => {
    expect(() => parseCacheConfig({ method: 'fbcache', threshold: 'x' }).plan(model)).toThrow(
      'cache: threshold must be a number, got "x".',
    );
    expect(parseCacheConfig({ method: 'fbcache', tokens: 'noise' })).toMatchObject({
      name: 'fbcache',
      tokens: 'noise',
    });
  });
});

describe('registerCacheMethod', () => {
  it("makes an app's own method available by name until it is taken back", () => {
    const plan = parseCacheConfig({ method: 'fbcache' }).plan(model);
    const own: CacheMethod = { plan: () => plan };
    const remove = registerCacheMethod('mine', own);
    expect(parseCacheConfig({ method: 'mine' }).plan(model)).toBe(plan);
    expect(() => registerCacheMethod('mine', own)).toThrow('cache: method is registered already, got "mine".');
    expect(() => registerCacheMethod('dbcache', own)).toThrow('registered already');
    remove();
    expect(() => parseCacheConfig({ method: 'mine' })).toThrow('must be one of dbcache, fbcache');
  });
});

describe('parseCacheOption', () => {
  it('reads off, presets and files', () => {
    expect(parseCacheOption('off')).toEqual({ kind: 'off' });
    expect(parseCacheOption('fast')).toMatchObject({ kind: 'config', config: { name: 'fast' } });
    expect(parseCacheOption('my/cache.json')).toEqual({ kind: 'file', path: 'my/cache.json' });
    expect(() => parseCacheOption('quick')).toThrow(
      'cache: --cache must be off, slow, medium, fast, ultra or a .json file, got "quick".',
    );
  });
});

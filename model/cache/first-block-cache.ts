import { LastResidual } from './calibrators.ts';
import { FieldReader } from './config-fields.ts';
import type { CacheBranch, CacheCall, CacheMethod, CachePolicy, CacheVerdict } from './contract.ts';

/** diffusers' FirstBlockCache. */
export interface FirstBlockCacheConfig {
  /** A larger relative difference computes; equality, and a difference that is no number, reuse. */
  readonly threshold: number;
}

/** diffusers' default. */
export const FIRST_BLOCK_CACHE_DEFAULTS: FirstBlockCacheConfig = { threshold: 0.05 };

/** @throws ConfigError `cache` that names the field */
export function readFirstBlockCacheConfig(fields: Readonly<Record<string, unknown>>): FirstBlockCacheConfig {
  const read = new FieldReader<'threshold'>(fields, {}, 'fbcache');
  const config = { threshold: read.number('threshold', FIRST_BLOCK_CACHE_DEFAULTS.threshold) };
  read.finish();
  return config;
}

/** FirstBlockCache as a method (golden/kinds-cache.md section 3): one block decides, all others are reused. */
export const FIRST_BLOCK_CACHE: CacheMethod = {
  plan: (fields) => {
    const config = readFirstBlockCacheConfig(fields);
    return {
      firstBlocks: 1,
      lastBlocks: 0,
      independentBranches: true,
      policy: () => new FirstBlockCachePolicy(config),
      calibrator: () => new LastResidual(),
    };
  },
};

/** One test: no state yet or d > threshold computes. */
export class FirstBlockCachePolicy implements CachePolicy {
  readonly #threshold: number;
  readonly #computed = new Set<CacheBranch>();

  constructor(config: FirstBlockCacheConfig) {
    this.#threshold = config.threshold;
  }

  decide({ branch }: CacheCall): CacheVerdict | 'measure' {
    if (this.#computed.has(branch)) return 'measure';
    this.#computed.add(branch);
    return { action: 'compute', reason: 'first' };
  }

  compare(_call: CacheCall, difference: number): CacheVerdict {
    return this.isNear(difference) ? { action: 'reuse', reason: 'near' } : { action: 'compute', reason: 'far' };
  }

  isNear(difference: number): boolean {
    return !(difference > this.#threshold);
  }
}

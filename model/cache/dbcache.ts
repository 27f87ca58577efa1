import { makeCalibrator, type CalibratorConfig } from './calibrators.ts';
import { cacheError, FieldReader } from './config-fields.ts';
import type { CacheBranch, CacheCall, CacheMethod, CachePlan, CachePolicy, CacheVerdict } from './contract.ts';
import type { StepMask } from './step-mask.ts';

/** DBCache of cache-dit 1.5.3, all knobs. Negative limits mean "no limit", 0 "never". */
export interface DbCacheConfig {
  /** F: first blocks that always run; what they add to the image stream is compared. At least 1. */
  readonly fnComputeBlocks: number;
  /** B: last blocks that always run. */
  readonly bnComputeBlocks: number;
  /** A smaller relative difference is a hit; <= 0 never caches, >= 1 always does. */
  readonly residualDiffThreshold: number;
  /** W: steps before it are computed ... */
  readonly maxWarmupSteps: number;
  /** ... every I-th of them; the others are open to caching. */
  readonly warmupInterval: number;
  readonly maxCachedSteps: number;
  readonly maxContinuousCachedSteps: number;
  /** Once the measured differences sum up to it, everything is computed. */
  readonly maxAccumulatedResidualDiffThreshold: number | null;
  /** False: the unguided pass takes over the guided one's difference of the step. */
  readonly cfgDiffComputeSeparate: boolean;
  readonly stepsComputationMask: StepMask | null;
  /** What a mask's 0 means: `dynamic` = may be cached, `static` = is cached. */
  readonly stepsComputationPolicy: 'dynamic' | 'static';
  readonly calibrator: CalibratorConfig | null;
}

/** cache-dit's defaults. */
export const DBCACHE_DEFAULTS: DbCacheConfig = {
  fnComputeBlocks: 8,
  bnComputeBlocks: 0,
  residualDiffThreshold: 0.08,
  maxWarmupSteps: 8,
  warmupInterval: 1,
  maxCachedSteps: -1,
  maxContinuousCachedSteps: -1,
  maxAccumulatedResidualDiffThreshold: null,
  cfgDiffComputeSeparate: true,
  stepsComputationMask: null,
  stepsComputationPolicy: 'dynamic',
  calibrator: null,
};

/** cache-dit's own spelling of the fields, taken as well. */
const CACHE_DIT_NAMES: Readonly<Record<keyof DbCacheConfig, string>> = {
  fnComputeBlocks: 'Fn_compute_blocks',
  bnComputeBlocks: 'Bn_compute_blocks',
  residualDiffThreshold: 'residual_diff_threshold',
  maxWarmupSteps: 'max_warmup_steps',
  warmupInterval: 'warmup_interval',
  maxCachedSteps: 'max_cached_steps',
  maxContinuousCachedSteps: 'max_continuous_cached_steps',
  maxAccumulatedResidualDiffThreshold: 'max_accumulated_residual_diff_threshold',
  cfgDiffComputeSeparate: 'cfg_diff_compute_separate',
  stepsComputationMask: 'steps_computation_mask',
  stepsComputationPolicy: 'steps_computation_policy',
  calibrator: 'calibrator',
};

/** A Taylor series longer than this is noise; each order keeps one more tensor per stream and branch. */
const MAX_ORDER = 16;

/**
 * Checks the fields of a DBCache configuration; camelCase, or cache-dit's own spelling.
 *
 * @param defaults what absent fields are
 * @throws ConfigError `cache` that names the field
 */
export function readDbCacheConfig(
  fields: Readonly<Record<string, unknown>>,
  defaults: DbCacheConfig = DBCACHE_DEFAULTS,
): DbCacheConfig {
  const read = new FieldReader(fields, CACHE_DIT_NAMES, 'dbcache');
  const config: DbCacheConfig = {
    fnComputeBlocks: read.integer('fnComputeBlocks', defaults.fnComputeBlocks, 1),
    bnComputeBlocks: read.integer('bnComputeBlocks', defaults.bnComputeBlocks, 0),
    residualDiffThreshold: read.number('residualDiffThreshold', defaults.residualDiffThreshold),
    maxWarmupSteps: read.integer('maxWarmupSteps', defaults.maxWarmupSteps, 0),
    warmupInterval: read.integer('warmupInterval', defaults.warmupInterval, 1),
    maxCachedSteps: read.integer('maxCachedSteps', defaults.maxCachedSteps),
    maxContinuousCachedSteps: read.integer('maxContinuousCachedSteps', defaults.maxContinuousCachedSteps),
    maxAccumulatedResidualDiffThreshold: read.orNull(
      'maxAccumulatedResidualDiffThreshold',
      defaults.maxAccumulatedResidualDiffThreshold,
      (name, value) => read.asNumber(name, value),
    ),
    cfgDiffComputeSeparate: read.boolean('cfgDiffComputeSeparate', defaults.cfgDiffComputeSeparate),
    stepsComputationMask: read.orNull('stepsComputationMask', defaults.stepsComputationMask, (name, value) =>
      readMask(name, value),
    ),
    stepsComputationPolicy: read.choice('stepsComputationPolicy', defaults.stepsComputationPolicy, [
      'dynamic',
      'static',
    ]),
    calibrator: read.orNull('calibrator', defaults.calibrator, (name, value) => readCalibrator(name, value)),
  };
  read.finish();
  const mask = config.stepsComputationMask;
  if (config.stepsComputationPolicy === 'static' && mask && mask[0] !== 1)
    throw cacheError('stepsComputationMask', 'must start with 1 under policy "static": step 0 has nothing to reuse');
  return config;
}

function readMask(name: string, value: unknown): StepMask {
  if (Array.isArray(value) && value.every((entry) => entry === 0 || entry === 1)) return value as StepMask;
  throw cacheError(name, 'must be a list of 0 and 1', value);
}

function readCalibrator(name: string, value: unknown): CalibratorConfig {
  const fields: Readonly<Record<string, unknown>> =
    typeof value === 'string' ? { type: value } : typeof value === 'object' && value !== null ? { ...value } : {};
  const { type, order = 1, ...rest } = fields;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw cacheError(`${name}.${unknown}`, 'is no field of a calibrator');
  if (type === 'foca') return { type };
  if (type !== 'taylorseer') throw cacheError(`${name}.type`, 'must be "taylorseer" or "foca"', type ?? value);
  if (typeof order !== 'number' || !Number.isInteger(order) || order < 0 || order > MAX_ORDER)
    throw cacheError(`${name}.order`, `must be a whole number from 0 to ${MAX_ORDER}`, order);
  return { type, order };
}

/** DBCache as a method. */
export const DBCACHE: CacheMethod = {
  plan: (fields, model) => planDbCache(readDbCacheConfig(fields), model),
};

/** @throws ConfigError `cache` where the first and the last blocks overlap */
export function planDbCache(config: DbCacheConfig, model: { numBlocks: number; numSteps: number }): CachePlan {
  const { fnComputeBlocks, bnComputeBlocks, cfgDiffComputeSeparate, calibrator } = config;
  if (fnComputeBlocks + bnComputeBlocks > model.numBlocks)
    throw cacheError(
      'fnComputeBlocks',
      `+ bnComputeBlocks must be at most the model's ${model.numBlocks} blocks`,
      fnComputeBlocks + bnComputeBlocks,
    );
  return {
    firstBlocks: fnComputeBlocks,
    lastBlocks: bnComputeBlocks,
    independentBranches: cfgDiffComputeSeparate,
    policy: () => new DbCachePolicy(config),
    calibrator: () => makeCalibrator(calibrator, model.numSteps),
  };
}

/** What a branch remembers within a run. */
class BranchState {
  /** Whether the branch has been computed: only then is there something to compare with and to reuse. */
  isComputed = false;
  hits = 0;
  /** Hits directly before this step. */
  streak = 0;
  /** Sum of the differences compared so far, misses included. */
  sum = 0;
  /** The difference compared last, and in which step. */
  compared = { step: -1, difference: Number.NaN };
}

/** DBCache's decisions (golden/kinds-cache.md 2.3 and 2.4): tests in a fixed order, the first that applies decides. */
export class DbCachePolicy implements CachePolicy {
  readonly #config: DbCacheConfig;
  readonly #warmup: number;
  readonly #branches: Readonly<Record<CacheBranch, BranchState>> = {
    cond: new BranchState(),
    uncond: new BranchState(),
  };

  constructor(config: DbCacheConfig) {
    this.#config = config;
    const mask = config.stepsComputationMask;
    const firstCached = mask?.indexOf(0) ?? -1;
    const leading = mask ? (firstCached < 0 ? mask.length : firstCached) : Number.POSITIVE_INFINITY;
    this.#warmup = Math.min(config.maxWarmupSteps, leading);
  }

  decide(call: CacheCall): CacheVerdict | 'measure' {
    const config = this.#config;
    const { step, branch } = call;
    const state = this.#branches[branch];
    const mask = config.stepsComputationMask;
    if (step < this.#warmup && step % config.warmupInterval === 0) return this.#compute(state, 'warmup');
    if (mask) {
      if (mask[step] === 1) return this.#compute(state, 'mask');
      if (config.stepsComputationPolicy === 'static') return this.#reuse(state, 'static');
    }
    if (config.maxCachedSteps >= 0 && state.hits >= config.maxCachedSteps) return this.#compute(state, 'max-cached');
    if (config.maxContinuousCachedSteps >= 0 && state.streak >= config.maxContinuousCachedSteps)
      return this.#compute(state, 'max-continuous');
    const limit = config.maxAccumulatedResidualDiffThreshold;
    if (limit !== null && limit > 0 && state.sum >= limit) return this.#compute(state, 'accumulated');
    if (config.residualDiffThreshold <= 0) return this.#compute(state, 'never');
    if (!state.isComputed) return this.#compute(state, 'first');
    if (config.residualDiffThreshold >= 1) return this.#reuse(state, 'always');
    const { compared } = this.#branches.cond;
    if (branch === 'uncond' && !config.cfgDiffComputeSeparate && compared.step === step)
      return { ...this.compare(call, compared.difference), difference: compared.difference };
    return 'measure';
  }

  compare({ step, branch }: CacheCall, difference: number): CacheVerdict {
    const state = this.#branches[branch];
    state.compared = { step, difference };
    if (!Number.isNaN(difference)) state.sum += difference;
    return this.isNear(difference) ? this.#reuse(state, 'near') : this.#compute(state, 'far');
  }

  isNear(difference: number): boolean {
    return difference < this.#config.residualDiffThreshold;
  }

  #compute(state: BranchState, reason: string): CacheVerdict {
    state.isComputed = true;
    state.streak = 0;
    return { action: 'compute', reason };
  }

  #reuse(state: BranchState, reason: string): CacheVerdict {
    state.hits++;
    state.streak++;
    return { action: 'reuse', reason };
  }
}

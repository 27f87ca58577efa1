import { cacheError } from './config-fields.ts';
import type { CacheMethod, CacheModel, CachePlan } from './contract.ts';
import { DBCACHE, DBCACHE_DEFAULTS, planDbCache, readDbCacheConfig, type DbCacheConfig } from './dbcache.ts';
import { FIRST_BLOCK_CACHE, type FirstBlockCacheConfig } from './first-block-cache.ts';
import { CACHE_PRESETS, presetMask, type CachePreset } from './step-mask.ts';

/** Which image tokens the difference is measured on: those that move, or all. */
export type CacheTokens = 'noise' | 'all';

interface Measured {
  /** Absent: what the caller's context says; `noise` for plans of regions. */
  readonly tokens?: CacheTokens;
}

/**
 * How to cache: a preset (a step mask, one first block and a threshold; any field of DBCache may be given beside it), one
 * of the methods with its fields, or a registered method.
 */
export type CacheConfig =
  | ({ readonly preset: CachePreset } & Partial<DbCacheConfig> & Measured)
  | ({ readonly method: 'dbcache' } & Partial<DbCacheConfig> & Measured)
  | ({ readonly method: 'fbcache' } & Partial<FirstBlockCacheConfig> & Measured)
  | CustomCacheConfig;

/** A method of the app's own: `registerCacheMethod`. */
export interface CustomCacheConfig extends Measured {
  readonly method: string;
  readonly [field: string]: unknown;
}

/** A configuration that was checked as far as that can be done without a model. */
export interface ParsedCacheConfig {
  /** Name for reports: `fast`, `dbcache`, ... */
  readonly name: string;
  readonly tokens: CacheTokens | undefined;
  /** The configuration as it was given. */
  readonly config: CacheConfig;
  /** @throws ConfigError `cache` where the model or the number of steps does not suit */
  plan(model: CacheModel): CachePlan;
}

/**
 * What a preset sets beside its step mask: one first block, and cache-dit's published thresholds of the strengths S, M, F
 * and U. A step that the mask leaves open is cached only where the difference is below.
 */
const PRESET_THRESHOLDS: Readonly<Record<CachePreset, number>> = { slow: 0.12, medium: 0.24, fast: 0.8, ultra: 0.8 };

const METHODS = new Map<string, CacheMethod>([
  ['dbcache', DBCACHE],
  ['fbcache', FIRST_BLOCK_CACHE],
]);

/**
 * Makes a caching method of the app's own available as `{ method: name, ...fields }`.
 *
 * @returns takes it away again
 * @throws ConfigError `cache` if the name is taken
 */
export function registerCacheMethod(name: string, method: CacheMethod): () => void {
  if (METHODS.has(name)) throw cacheError('method', 'is registered already', name);
  METHODS.set(name, method);
  return () => {
    if (METHODS.get(name) === method) METHODS.delete(name);
  };
}

/**
 * Checks a cache configuration of any origin: run options, a manifest, a JSON file.
 *
 * @throws ConfigError `cache` that names the field
 */
export function parseCacheConfig(value: unknown): ParsedCacheConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw cacheError('configuration', 'must be an object', value);
  const { preset, method, tokens, ...fields } = value as Readonly<Record<string, unknown>>;
  if (tokens !== undefined && tokens !== 'noise' && tokens !== 'all')
    throw cacheError('tokens', 'must be "noise" or "all"', tokens);
  const config = value as CacheConfig;
  if (preset !== undefined) {
    const name = CACHE_PRESETS.find((known) => known === preset);
    if (name === undefined) throw cacheError('preset', `must be one of ${CACHE_PRESETS.join(', ')}`, preset);
    if (method !== undefined && method !== 'dbcache')
      throw cacheError('method', 'must be "dbcache" or absent beside a preset', method);
    readDbCacheConfig(fields);
    return { name, tokens, config, plan: (model) => planPreset(name, fields, model) };
  }
  if (typeof method !== 'string') throw cacheError('method', 'or preset must be given', method);
  const known = METHODS.get(method);
  if (!known) throw cacheError('method', `must be one of ${[...METHODS.keys()].join(', ')}`, method);
  if (method === 'dbcache') readDbCacheConfig(fields);
  return { name: method, tokens, config, plan: (model) => known.plan(fields, model) };
}

function planPreset(preset: CachePreset, fields: Readonly<Record<string, unknown>>, model: CacheModel): CachePlan {
  const config = readDbCacheConfig(fields, {
    ...DBCACHE_DEFAULTS,
    fnComputeBlocks: 1,
    residualDiffThreshold: PRESET_THRESHOLDS[preset],
    stepsComputationMask: presetMask(preset, model.numSteps),
  });
  return planDbCache(config, model);
}

/** What the command line's `--cache` asks for. */
export type CacheOption =
  | { readonly kind: 'off' }
  | { readonly kind: 'config'; readonly config: ParsedCacheConfig }
  | { readonly kind: 'file'; readonly path: string };

/**
 * Reads `off|slow|medium|fast|ultra|FILE.json`. A file is for the caller to read and to hand to `parseCacheConfig`.
 *
 * @throws ConfigError `cache` for anything else
 */
export function parseCacheOption(text: string): CacheOption {
  if (text === 'off') return { kind: 'off' };
  const preset = CACHE_PRESETS.find((name) => name === text);
  if (preset !== undefined) return { kind: 'config', config: parseCacheConfig({ preset }) };
  if (text.endsWith('.json')) return { kind: 'file', path: text };
  throw cacheError('--cache', `must be off, ${CACHE_PRESETS.join(', ')} or a .json file`, text);
}

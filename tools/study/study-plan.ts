import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { parseCacheConfig, type CacheConfig } from '../../model/cache/cache-config.ts';
import type { ModulationMode } from '../../model/denoise/modulation-feed.ts';
import { CACHE_PRESETS } from '../../model/cache/step-mask.ts';
import { DESIGN_TASKS } from '../../model/layout/design-schema.ts';
import { WEIGHT_PRECISIONS, type WeightPrecision } from '../../model/weight-precision.ts';
import { UsageError } from '../../runtime/errors.ts';

/** The one format of study files. */
export const STUDY_FORMAT = 'layerloom-study/1';

/** One way of running the model. Absent: the checkpoint's own value. */
export interface StudySetting {
  readonly steps?: number | undefined;
  readonly cache?: CacheConfig | 'off' | undefined;
  readonly precision?: WeightPrecision | undefined;
  readonly cfgScale?: number | undefined;
  /** `euler`, `renoise`, or the name of a registered sampler. */
  readonly sampler?: string | undefined;
  /** `canvas` gives every layer the whole window as its region. */
  readonly regions?: 'own' | 'canvas' | undefined;
  /** `table` (default): modulation vectors of all steps before the loop; `perStep`: in the loop, weights resident. */
  readonly modulation?: ModulationMode | undefined;
  /** Put over the checkpoint's manifest. */
  readonly manifest?: Readonly<Record<string, unknown>> | undefined;
}

/** A setting with a name that is unique in its study. */
export interface NamedSetting extends StudySetting {
  readonly name: string;
}

/** What a study runs. */
export interface StudyPlan {
  /** Runs of `base` without cache and at full precision are what everything is compared with. */
  readonly base: StudySetting;
  readonly settings: readonly NamedSetting[];
  readonly task: (typeof DESIGN_TASKS)[number];
  /** Added to the seeds of the designs. */
  readonly seed: number;
  /** Runs of each setting on each design; the fastest counts, because others may use the machine. */
  readonly repeats: number;
}

const items = {
  steps: z.int().check(z.minimum(1), z.maximum(1000)),
  cache: z.union([z.enum(['off', ...CACHE_PRESETS]), z.record(z.string(), z.unknown())]),
  precision: z.enum(WEIGHT_PRECISIONS),
  cfgScale: z.number().check(z.minimum(0), z.maximum(100)),
  sampler: z.string(),
  regions: z.enum(['own', 'canvas']),
  modulation: z.enum(['table', 'perStep']),
  manifest: z.record(z.string(), z.unknown()),
};
const settingFields = {
  steps: z.optional(items.steps),
  cache: z.optional(items.cache),
  precision: z.optional(items.precision),
  cfgScale: z.optional(items.cfgScale),
  sampler: z.optional(items.sampler),
  regions: z.optional(items.regions),
  modulation: z.optional(items.modulation),
  manifest: z.optional(items.manifest),
};
const settingSchema = z.strictObject(settingFields);
const sweepSchema = z.strictObject({
  steps: z.optional(z.array(items.steps)),
  cache: z.optional(z.array(items.cache)),
  precision: z.optional(z.array(items.precision)),
  cfgScale: z.optional(z.array(items.cfgScale)),
  sampler: z.optional(z.array(items.sampler)),
  regions: z.optional(z.array(items.regions)),
  modulation: z.optional(z.array(items.modulation)),
  manifest: z.optional(z.array(items.manifest)),
});
const planSchema = z.strictObject({
  format: z.literal(STUDY_FORMAT),
  base: z.optional(settingSchema),
  /** Each sweep is the product of its lists, on top of the base. */
  sweeps: z.optional(z.array(sweepSchema)),
  settings: z.optional(z.array(z.strictObject({ ...settingFields, name: z.optional(z.string()) }))),
  task: z.optional(z.enum(DESIGN_TASKS)),
  seed: z.optional(z.int().check(z.minimum(0))),
  repeats: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
});

type RawSetting = z.infer<typeof settingSchema>;

/**
 * Reads a study file: `{ format, base, sweeps, settings, task, seed, repeats }`.
 *
 * @throws UsageError that names the place; ConfigError `cache` for a cache that makes no sense
 */
export function parseStudyPlan(value: unknown, where: string): StudyPlan {
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`${where}: ${issue?.path.join('.') || 'the file'} is not as a study says: ${issue?.message}.`);
  }
  const { base = {}, sweeps = [], settings = [], task = 't2l', seed = 0, repeats = 1 } = parsed.data;
  const own = settingOf(base);
  const all = [
    ...sweeps.flatMap((sweep) => product(sweep).map((setting) => ({ ...own, ...settingOf(setting) }))),
    ...settings.map(({ name, ...setting }) => ({ ...own, ...settingOf(setting), ...(name ? { name } : {}) })),
  ];
  return { base: own, settings: named(own, all), task, seed, repeats };
}

/** The study that runs where no file is given: caching at several step counts, precisions, samplers, guidance, modulation. */
export function defaultStudyPlan(steps: number): StudyPlan {
  const dbcache = (fields: Record<string, unknown>): CacheConfig => ({
    method: 'dbcache',
    fnComputeBlocks: 1,
    ...fields,
  });
  const base: StudySetting = { steps };
  const counts = [...new Set([4, 8, 16, 28])];
  const settings: StudySetting[] = [
    ...counts.flatMap((count) =>
      (['off', ...CACHE_PRESETS] as const).map((preset) => ({
        steps: count,
        cache: preset === 'off' ? ('off' as const) : { preset },
      })),
    ),
    { steps: 2, cache: 'off' },
    ...[0.1, 0.25, 0.5].map((residualDiffThreshold) => ({
      ...base,
      cache: dbcache({ residualDiffThreshold, maxWarmupSteps: 2 }),
    })),
    { ...base, cache: dbcache({ bnComputeBlocks: 1, residualDiffThreshold: 0.5, maxWarmupSteps: 2 }) },
    { steps: 28, cache: dbcache({ residualDiffThreshold: 0.24, maxWarmupSteps: 4, maxContinuousCachedSteps: 3 }) },
    ...[1, 2].map((order) => ({
      steps: 28,
      cache: { preset: 'fast' as const, calibrator: { type: 'taylorseer' as const, order } },
    })),
    { steps: 28, cache: { preset: 'fast', calibrator: { type: 'foca' } } },
    { steps: 28, cache: { method: 'fbcache', threshold: 0.2 } },
    { ...base, precision: 'f16' },
    { ...base, precision: 'int8' },
    { ...base, precision: 'int4' },
    { ...base, precision: 'w8a8' },
    { ...base, precision: 'int8', cache: { preset: 'fast' } },
    { ...base, sampler: 'renoise' },
    { ...base, sampler: 'euler' },
    { ...base, sampler: 'heun' },
    { ...base, cfgScale: 2 },
    { ...base, regions: 'canvas' },
    { ...base, modulation: 'perStep' },
    { steps: 28, modulation: 'perStep' },
  ];
  return { base, settings: named(base, settings), task: 't2l', seed: 0, repeats: 1 };
}

/** The uncached full-precision run, with the table of modulation vectors, that a setting's steps are compared with. */
export function twinOf(setting: StudySetting): StudySetting {
  const { cache: _cache, precision: _precision, modulation: _modulation, ...rest } = setting;
  return rest;
}

/** Two settings with one key run the same. */
export function settingKey(setting: StudySetting): string {
  const { steps, cache = 'off', precision = 'stored', cfgScale, sampler, regions = 'own', manifest } = setting;
  const modulation = setting.modulation === 'perStep' ? 'perStep' : undefined; // keys of studies before it stay
  const text = JSON.stringify(sorted({ steps, cache, precision, cfgScale, sampler, regions, modulation, manifest }));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

function settingOf({ cache: asked, ...rest }: RawSetting): StudySetting {
  if (asked === undefined) return rest;
  if (asked === 'off') return { ...rest, cache: 'off' };
  const config = typeof asked === 'string' ? { preset: asked } : asked;
  return { ...rest, cache: parseCacheConfig(config).config };
}

function product(sweep: z.infer<typeof sweepSchema>): RawSetting[] {
  let settings: RawSetting[] = [{}];
  for (const [key, values] of Object.entries(sweep))
    if (values !== undefined)
      settings = settings.flatMap((setting) => values.map((item) => ({ ...setting, [key]: item })));
  return settings;
}

/** Names each setting once, by what sets it apart; settings that run the same are kept once. */
function named(base: StudySetting, settings: readonly (StudySetting & { name?: string })[]): NamedSetting[] {
  const byKey = new Map<string, NamedSetting>();
  const names = new Set<string>();
  for (const setting of [base as StudySetting & { name?: string }, ...settings]) {
    const key = settingKey(setting);
    if (byKey.has(key)) continue;
    const wanted = setting.name ?? describeSetting(setting);
    let name = wanted;
    for (let i = 2; names.has(name); i++) name = `${wanted} (${i})`;
    names.add(name);
    byKey.set(key, { ...setting, name });
  }
  return [...byKey.values()];
}

/** A setting in a few words: `8 steps, fast, int8`. */
export function describeSetting(setting: StudySetting): string {
  const { steps, cache: config = 'off', precision = 'stored', cfgScale, sampler, regions = 'own', manifest } = setting;
  const parts = [
    steps === undefined ? 'own steps' : `${steps} steps`,
    sampler,
    config === 'off' ? undefined : describeCache(config),
    precision === 'stored' ? undefined : precision,
    cfgScale === undefined ? undefined : `cfg ${cfgScale}`,
    regions === 'own' ? undefined : 'full canvas',
    setting.modulation === 'perStep' ? 'no modulation table' : undefined,
    manifest === undefined ? undefined : JSON.stringify(manifest),
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

const SHORT: Readonly<Record<string, string>> = {
  fnComputeBlocks: 'F',
  bnComputeBlocks: 'B',
  residualDiffThreshold: 'R',
  maxWarmupSteps: 'W',
  warmupInterval: 'I',
  maxCachedSteps: 'MC',
  maxContinuousCachedSteps: 'MCC',
};

function describeCache(config: CacheConfig): string {
  const { preset, method, ...fields } = config as Readonly<Record<string, unknown>>;
  const words = Object.entries(fields).map(([key, value]) => {
    if (key === 'calibrator' && typeof value === 'object' && value !== null) return Object.values(value).join(' ');
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return SHORT[key] === undefined ? `${key} ${text}` : `${SHORT[key]}${text}`;
  });
  return [String(preset ?? method), ...words].join(' ');
}

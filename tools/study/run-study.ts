import type { MrtPipeline } from '../../model/pipeline/mrt-pipeline.ts';
import type { WeightPrecision } from '../../model/weight-precision.ts';
import type { Engine } from '../../runtime/engine.ts';
import { ConfigError, UsageError } from '../../runtime/errors.ts';
import { compareOutputs } from './compare-outputs.ts';
import type { RunOutput } from './run-output.ts';
import { runSetting, type StudyDesign } from './run-setting.ts';
import {
  describeSetting,
  settingKey,
  twinOf,
  type NamedSetting,
  type StudyPlan,
  type StudySetting,
} from './study-plan.ts';
import type { StudyRecord, StudyStore } from './study-store.ts';

/** Opens the checkpoint at a precision, with something put over its manifest. The study closes it. */
export type OpenPipeline = (precision: WeightPrecision, manifest: unknown) => Promise<MrtPipeline>;

/** How far a study is. */
export interface StudyProgress {
  readonly done: number;
  readonly total: number;
  readonly setting: string;
  readonly design: string;
  /** False where the record was there already. */
  readonly isFresh: boolean;
}

/** What a study needs besides its plan. */
export interface StudyRun {
  readonly engine: Engine;
  readonly open: OpenPipeline;
  readonly designs: readonly StudyDesign[];
  readonly store: StudyStore;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StudyProgress) => void;
}

/** A setting that could not be run, and why. */
export interface SkippedSetting {
  readonly name: string;
  readonly reason: string;
}

/** What became of a study. */
export interface StudyOutcome {
  readonly records: readonly StudyRecord[];
  readonly skipped: readonly SkippedSetting[];
}

interface Job extends NamedSetting {
  readonly key: string;
  /** Keeps its output for others to be compared with. */
  readonly isReference: boolean;
  /** Run for comparison only: no setting of the plan. */
  readonly isExtra: boolean;
}

/**
 * Runs every setting of a plan on every design, each compared with its uncached full-precision twin and with the base,
 * from the same noise. References run first; a precision's model is opened once. What is in the store is not run again.
 *
 * A setting that the model refuses (a preset without a mask for the step count, say) is left out with its reason.
 *
 * @throws UsageError if the base itself cannot be run; what a run throws otherwise
 */
export async function runStudy(plan: StudyPlan, run: StudyRun): Promise<StudyOutcome> {
  const jobs = jobsOf(plan);
  const baseKey = settingKey(twinOf(plan.base));
  const records: StudyRecord[] = [];
  const skipped: SkippedSetting[] = [];
  const total = jobs.length * run.designs.length;
  let done = 0;
  for (const group of groupsOf(jobs)) {
    const lazy = new LazyPipeline(run.open, group[0]);
    try {
      for (const job of group) {
        try {
          for (const design of run.designs) {
            run.signal?.throwIfAborted();
            const known = await knownRecord(job, design, run);
            const record = known ?? (await makeRecord(job, design, baseKey, plan, run, lazy));
            if (!job.isExtra) records.push({ ...record, setting: settingOf(job) });
            run.onProgress?.({ done: ++done, total, setting: job.name, design: design.name, isFresh: !known });
          }
        } catch (error) {
          if (!(error instanceof ConfigError || error instanceof UsageError)) throw error;
          if (job.key === baseKey) throw new UsageError(`study: the base cannot be run: ${error.message}`);
          skipped.push({ name: job.name, reason: error.message });
        }
      }
    } finally {
      await lazy.close();
    }
  }
  const order = new Map(plan.settings.map(({ name }, i) => [name, i]));
  const rank = ({ setting }: StudyRecord): number => order.get(setting.name) ?? 0;
  return { records: records.sort((a, b) => rank(a) - rank(b)), skipped };
}

function settingOf({ key: _key, isReference: _isReference, isExtra: _isExtra, ...setting }: Job): NamedSetting {
  return setting;
}

/** Settings in the order they run: references first (the base before all), then by precision and manifest. */
function jobsOf(plan: StudyPlan): Job[] {
  const references = new Map<string, StudySetting>();
  for (const setting of [plan.base, ...plan.settings]) references.set(settingKey(twinOf(setting)), twinOf(setting));
  const byKey = new Map(plan.settings.map((setting) => [settingKey(setting), setting]));
  const first = [...references].map(([key, setting]): Job => {
    const own = byKey.get(key);
    return own
      ? { ...own, key, isReference: true, isExtra: false }
      : { ...setting, name: describeSetting(setting), key, isReference: true, isExtra: true };
  });
  const rest = [...byKey]
    .filter(([key]) => !references.has(key))
    .map(([key, setting]): Job => ({ ...setting, key, isReference: false, isExtra: false }));
  return [...first, ...rest];
}

/** Jobs that run on one opened model, references in front. */
function groupsOf(jobs: readonly Job[]): Job[][] {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const name = JSON.stringify([job.isReference, job.precision ?? 'stored', job.manifest ?? null]);
    groups.set(name, [...(groups.get(name) ?? []), job]);
  }
  return [...groups.values()];
}

/** Opens the model when the first run needs it: a finished study is read without loading anything. */
class LazyPipeline {
  readonly #open: () => Promise<MrtPipeline>;
  #opened: Promise<MrtPipeline> | undefined;

  constructor(open: OpenPipeline, { precision = 'stored', manifest }: StudySetting) {
    this.#open = () => open(precision, manifest);
  }

  get(): Promise<MrtPipeline> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async close(): Promise<void> {
    await (await this.#opened)?.dispose();
  }
}

async function knownRecord(job: Job, design: StudyDesign, { store }: StudyRun): Promise<StudyRecord | undefined> {
  const record = await store.record(job.key, design.name);
  if (!record || !job.isReference) return record;
  return (await store.reference(job.key, design.name)) ? record : undefined;
}

async function makeRecord(
  job: Job,
  design: StudyDesign,
  baseKey: string,
  plan: StudyPlan,
  run: StudyRun,
  lazy: LazyPipeline,
): Promise<StudyRecord> {
  const { store, signal } = run;
  const options = { seed: plan.seed, ...(signal ? { signal } : {}) };
  const pipeline = await lazy.get();
  const { output, cost } = await runSetting(run.engine, pipeline, design, job, options);
  let { loopMs, cpuMs, totalMs } = cost;
  for (let again = 1; again < plan.repeats; again++) {
    const repeat = await runSetting(run.engine, pipeline, design, job, options);
    loopMs = Math.min(loopMs, repeat.cost.loopMs);
    cpuMs = Math.min(cpuMs, repeat.cost.cpuMs);
    totalMs = Math.min(totalMs, repeat.cost.totalMs);
  }
  if (job.isReference) await store.addReference(job.key, design.name, output, signal);
  const twinKey = settingKey(twinOf(job));
  const against = async (key: string): Promise<RunOutput | undefined> =>
    key === job.key ? undefined : store.reference(key, design.name);
  const [twin, base] = [await against(twinKey), await against(baseKey)];
  const record: StudyRecord = {
    key: job.key,
    setting: settingOf(job),
    design: design.name,
    cost: { ...cost, loopMs, cpuMs, totalMs },
    twin: twin ? compareOutputs(output, twin) : null,
    base: base ? compareOutputs(output, base) : null,
  };
  await store.addRecord(record, signal);
  return record;
}

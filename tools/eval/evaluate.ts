import { DESIGN_TASKS } from '../../model/layout/design-schema.ts';
import type { DesignTaskType } from '../../model/layout/design-schema.ts';
import { resample } from './bootstrap.ts';
import type { Candidate } from './candidate.ts';
import type { EvalSampling } from './eval-sampling.ts';
import type { TestDesign, TestSet } from './read-test-set.ts';
import { scoreOutput } from './score-design.ts';
import type { EvalRecord } from './score-design.ts';
import { drawTemplates } from './shape-match.ts';
import { shufflePartners } from './shuffle-captions.ts';
import { summarize } from './summarize.ts';
import type { Summary } from './summarize.ts';

/** Rounds of the bootstrap. */
const ROUNDS = 1000;
/** Of bootstrap and shuffling: neither has anything to do with the model's noise. */
const STATISTICS_SEED = 20_260_101;

/** A candidate's figures in a task. */
export interface CandidateReport extends Summary {
  readonly name: string;
  readonly kind: Candidate['kind'];
  readonly about: string;
  readonly steps?: number;
  /** Of a model: steps, guidance and noise levels. */
  readonly sampling?: EvalSampling;
  /** Mean time per design. */
  readonly durationMs: number;
}

/** All candidates in one task. */
export interface TaskReport {
  readonly task: DesignTaskType;
  readonly designs: number;
  readonly candidates: readonly CandidateReport[];
}

/** How to evaluate. */
export interface EvaluateOptions {
  /** Default: every task that the set has. */
  readonly tasks?: readonly DesignTaskType[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (task: DesignTaskType, candidate: string, done: number, total: number) => void;
}

/**
 * Runs candidates over a set, task by task, and scores them.
 *
 * @param candidatesOf those of a task: a model's sampling differs from task to task
 */
export async function evaluate(
  set: TestSet,
  candidatesOf: (task: DesignTaskType) => readonly Candidate[],
  options: EvaluateOptions = {},
): Promise<TaskReport[]> {
  const templates = drawTemplates();
  const reports: TaskReport[] = [];
  for (const task of options.tasks ?? DESIGN_TASKS) {
    const designs = set.designs.filter((design) => design.documents.has(task));
    if (designs.length === 0) continue;
    const partners = shufflePartners(task, designs, STATISTICS_SEED).map((index) => designs[index]);
    const resamples = resample(designs.length, ROUNDS, STATISTICS_SEED);
    const done: CandidateReport[] = [];
    for (const candidate of candidatesOf(task)) {
      const outcome = await runCandidate(candidate, task, designs, partners, templates, options);
      if (!outcome) continue;
      const { name, kind, about, steps } = candidate;
      const summary = summarize(outcome.records, resamples);
      const durationMs = outcome.durationMs / designs.length;
      const sampling = candidate.sampling?.(task, designs[0]);
      done.push({
        name,
        kind,
        about,
        ...(steps === undefined ? {} : { steps }),
        ...(sampling ? { sampling } : {}),
        durationMs,
        ...summary,
      });
    }
    reports.push({ task, designs: designs.length, candidates: done });
  }
  return reports;
}

/** Undefined for a candidate that does not apply to the task. */
async function runCandidate(
  candidate: Candidate,
  task: DesignTaskType,
  designs: readonly TestDesign[],
  partners: readonly TestDesign[],
  templates: ReturnType<typeof drawTemplates>,
  { signal, onProgress }: EvaluateOptions,
): Promise<{ records: EvalRecord[]; durationMs: number } | undefined> {
  const records: EvalRecord[] = [];
  let durationMs = 0;
  for (const [index, design] of designs.entries()) {
    signal?.throwIfAborted();
    const started = performance.now();
    const output = await candidate.make(task, design, partners[index], signal);
    durationMs += performance.now() - started;
    if (!output) return undefined;
    records.push(...scoreOutput(task, design, index, output, templates));
    onProgress?.(task, candidate.name, index + 1, designs.length);
  }
  return { records, durationMs };
}

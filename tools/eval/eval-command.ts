import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesignTaskType } from '../../model/layout/design-schema.ts';
import { taskSampling } from '../../model/manifest/manifest.ts';
import { UsageError } from '../../runtime/errors.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import type { Candidate } from './candidate.ts';
import { baselineCandidates } from './candidate.ts';
import { evaluate } from './evaluate.ts';
import type { TaskReport } from './evaluate.ts';
import { METRICS } from './metric-table.ts';
import { boundCandidate, modelCandidate, shuffledCandidate, unrefinedCandidate } from './model-candidates.ts';
import type { EvalPipeline } from './model-candidates.ts';
import { plotsOf } from './plots.ts';
import { reportLines } from './print-report.ts';
import { readTestSet } from './read-test-set.ts';

/** A checkpoint that was opened, and on what. */
export interface OpenedModel {
  readonly pipeline: EvalPipeline;
  /** As the caller named it. */
  readonly name: string;
  readonly precision: string;
  readonly device: { readonly description: string; readonly isSoftware: boolean };
}

/** Arguments of `eval`. */
export interface EvalArguments {
  /** Folder of the test set. */
  readonly set: string;
  /** Absent: only what needs no model. */
  readonly model?: OpenedModel | undefined;
  /** Default: every task of the set. */
  readonly tasks?: readonly DesignTaskType[] | undefined;
  /** Step counts; the first is the one that controls run at. Default: the manifest's for each task. */
  readonly steps?: readonly number[] | undefined;
  /** Default: the manifest's for each task. */
  readonly cfgScale?: number | undefined;
  readonly seed?: number | undefined;
  /** First so many designs. */
  readonly limit?: number | undefined;
  /** Run the model's controls: shuffled captions, the network without refinement. Default true. */
  readonly shuffled?: boolean | undefined;
  /** Folder for eval.json and plots. */
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where the command writes. */
export interface EvalOutputLines {
  out(line: string): void;
  /** Progress; the line replaces the one before it. */
  progress(line: string): void;
}

/** What `eval --json` prints and eval.json holds. */
export interface EvalDocument {
  readonly format: 'layerloom-eval/1';
  readonly set: { readonly path: string; readonly seed: number; readonly designs: number };
  /** Null for baselines alone. */
  readonly model: {
    readonly name: string;
    readonly precision: string;
    /** Null: the manifest's, which may differ from task to task. Each candidate's `sampling` says what it ran with. */
    readonly steps: readonly number[] | null;
    readonly cfgScale: number | null;
    readonly seed: number | null;
    readonly device: OpenedModel['device'];
  } | null;
  readonly metrics: typeof METRICS;
  readonly tasks: readonly TaskReport[];
}

/**
 * Evaluates a checkpoint and the baselines on a test set; prints tables, or one JSON document.
 *
 * @throws UsageError if no design of the set has a task that was asked for; TestSetError, LayoutError or ImageError for a
 * broken set; what a run throws
 */
export async function evalCommand(args: EvalArguments, lines: EvalOutputLines): Promise<EvalDocument> {
  const { model, signal } = args;
  const set = await readTestSet(args.set, { limit: args.limit, signal });
  const missing = args.tasks?.find((task) => !set.designs.some((design) => design.documents.has(task)));
  if (missing !== undefined)
    throw new UsageError(`eval: ${args.set} has no design for the task ${missing}. Choose another --task or --limit.`);
  const tasks = await evaluate(set, (task) => candidatesOf(task, args), {
    tasks: args.tasks,
    signal,
    onProgress: (task, candidate, done, total) => lines.progress(`${task}: ${candidate} ${done}/${total}`),
  });
  const document: EvalDocument = {
    format: 'layerloom-eval/1',
    set: { path: args.set, seed: set.seed, designs: set.designs.length },
    model: model ? describeModel(model, args) : null,
    metrics: METRICS,
    tasks,
  };
  if (args.output !== undefined) await writeReport(args.output, document, signal);
  if (args.json === true) lines.out(documentText(document));
  else for (const line of reportLines(tasks)) lines.out(line);
  return document;
}

function candidatesOf(
  task: DesignTaskType,
  { model, steps, cfgScale, seed, shuffled }: EvalArguments,
): readonly Candidate[] {
  if (!model) return baselineCandidates();
  const { pipeline } = model;
  const counts = steps ?? [taskSampling(pipeline.manifest, task).steps];
  const unrefined = unrefinedCandidate(pipeline, task, { steps: counts[0], cfgScale, seed });
  return [
    ...counts.map((count) => modelCandidate(pipeline, task, { steps: count, cfgScale, seed })),
    ...(shuffled === false ? [] : [shuffledCandidate(pipeline, task, { steps: counts[0], cfgScale, seed })]),
    ...(unrefined && shuffled !== false ? [unrefined] : []),
    boundCandidate(pipeline),
    ...baselineCandidates(),
  ];
}

function describeModel(
  { name, precision, device }: OpenedModel,
  { steps, cfgScale, seed }: EvalArguments,
): NonNullable<EvalDocument['model']> {
  return { name, precision, steps: steps ?? null, cfgScale: cfgScale ?? null, seed: seed ?? null, device };
}

async function writeReport(folder: string, document: EvalDocument, signal?: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const encode = (text: string): Uint8Array[] => [new TextEncoder().encode(text)];
  const json = `${documentText(document)}\n`;
  await writeFileAtomic(join(folder, 'eval.json'), encode(json), signal);
  for (const { file, svg } of plotsOf(document.tasks)) await writeFileAtomic(join(folder, file), encode(svg), signal);
}

/** Digits that a figure is written with: far below its interval, and the same text on every machine. */
const WRITTEN_DIGITS = 6;

/** The document as JSON: one figure a line, because there are thousands of them. */
export function documentText(document: EvalDocument): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(WRITTEN_DIGITS)) : value;
  return JSON.stringify(document, rounded, 1).replace(
    /\{\s+"value": ([^,]+),\s+"low": ([^,]+),\s+"high": ([^,]+),\s+"designs": (\d+)\s+\}/gu,
    '{"value": $1, "low": $2, "high": $3, "designs": $4}',
  );
}

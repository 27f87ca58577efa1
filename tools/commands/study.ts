import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import { Option, type Command } from 'commander';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { DESIGN_TASKS, type DesignTaskType } from '../../model/layout/design-schema.ts';
import { MrtPipeline } from '../../model/pipeline/mrt-pipeline.ts';
import { toGenerate } from '../../model/pipeline/tasks.ts';
import { UsageError } from '../../runtime/errors.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import { DEFAULT_MODEL } from '../default-model.ts';
import { designPictures, readDesignFile } from '../design/design-files.ts';
import { loadSetPicture, readTestSet } from '../eval/read-test-set.ts';
import { withInterrupt } from '../interrupt.ts';
import { compareStudies, comparisonHtml, comparisonLines } from '../study/compare-studies.ts';
import { runStudy, type StudyProgress } from '../study/run-study.ts';
import type { StudyDesign } from '../study/run-setting.ts';
import { registerStudySamplers } from '../study/samplers.ts';
import { defaultStudyPlan, parseStudyPlan, type StudyPlan } from '../study/study-plan.ts';
import { readStudyReport, studyLines, writeStudyReport } from '../study/study-report.ts';
import { StudyStore } from '../study/study-store.ts';
import { summarizeStudy } from '../study/summarize-study.ts';
import { integerFlag } from './run-options.ts';

interface StudyFlags {
  readonly set?: string;
  readonly design?: string[];
  readonly plan?: string;
  readonly task?: DesignTaskType;
  readonly seed?: number;
  readonly limit?: number;
  readonly repeats?: number;
  readonly output: string;
  readonly gpu?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `study [MODEL]`: what steps, samplers, caching, precision and guidance cost and save; `study compare A B`. */
export function register(program: Command): void {
  const study = program
    .command('study')
    .description('measure what inference settings cost in quality and save in time');
  study
    .command('run', { isDefault: true })
    .description('run every setting of a plan on every design and write a report; goes on where it was stopped')
    .argument('[model]', 'checkpoint folder', DEFAULT_MODEL)
    .option('--set <dir>', 'test set, as tools/train/make_set.py writes it')
    .option('--design <files...>', 'layered-design documents, in place of a set')
    .option('--plan <file>', 'what to run, as JSON (default: a sweep over steps, caching, precision, samplers)')
    .addOption(new Option('--task <task>', 'task of the designs (default: the plan)').choices(DESIGN_TASKS))
    .option('--seed <n>', "added to the designs' seeds (default: the plan)", integerFlag(0))
    .option('--repeats <n>', 'runs of each setting on each design; the fastest counts', integerFlag(1, 100))
    .option('--limit <n>', 'only the first so many designs of a set', integerFlag(1))
    .option('-o, --output <dir>', 'folder for records, study.json, study.csv, plots and index.html', 'out/study')
    .option('--gpu', 'insist on a real GPU')
    .option('--json', 'print the report as one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr')
    .action((model: string, flags: StudyFlags) => withInterrupt((signal) => runCommand(model, flags, signal)));
  study
    .command('compare')
    .description('put two reports beside each other')
    .argument('<a>', 'study folder or study.json')
    .argument('<b>', 'study folder or study.json')
    .option('-o, --output <file>', 'write an HTML page')
    .action(async (a: string, b: string, { output }: { output?: string }) => {
      const comparison = compareStudies(await readStudyReport(a), await readStudyReport(b));
      if (output !== undefined) await writeFileAtomic(output, [new TextEncoder().encode(comparisonHtml(comparison))]);
      for (const line of comparisonLines(comparison)) console.log(line);
    });
}

async function runCommand(model: string, flags: StudyFlags, signal: AbortSignal): Promise<void> {
  const removeSamplers = registerStudySamplers();
  try {
    const checkpoint = await Checkpoint.open(await modelFolder(model));
    const plan = await planOf(flags, checkpoint);
    const designs = await designsOf(flags, plan, signal);
    await using engine = await openEngine({ adapter: flags.gpu ? 'gpu' : 'any' });
    const identity = {
      model,
      fingerprint: await fingerprintOf(checkpoint, signal),
      task: plan.task,
      seed: plan.seed,
      device: engine.info.description,
      clock: engine.info.isSoftware ? ('cpu' as const) : ('wall' as const),
      designs: designs.map(({ name }) => name),
    };
    const store = await StudyStore.open(flags.output, identity, signal);
    const progress = progressOf(flags.quiet === true);
    const outcome = await runStudy(plan, {
      engine,
      designs,
      store,
      signal,
      onProgress: (state) => progress.update(state),
      open: async (precision, manifest) =>
        MrtPipeline.open(engine, await Checkpoint.open(await modelFolder(model)), { precision, manifest }),
    }).finally(() => progress.done());
    const report = summarizeStudy(identity, plan, outcome.records, outcome.skipped);
    await writeStudyReport(flags.output, report, signal);
    if (flags.json) console.log(JSON.stringify(report, null, 2));
    else for (const line of [...studyLines(report), `${flags.output}/index.html`]) console.log(line);
  } finally {
    removeSamplers();
  }
}

/** A hash of the transformer's outer weights: cheap to read, and never the same after training. */
async function fingerprintOf(checkpoint: Checkpoint, signal: AbortSignal): Promise<string> {
  const weights = await checkpoint.weights(checkpoint.manifest.folders.transformer, signal);
  const hash = createHash('sha256');
  for (const name of ['img_in.weight', 'proj_out.weight'])
    if (weights.info(name)) hash.update(await weights.readRaw(name, signal));
  await checkpoint.close();
  return hash.digest('hex').slice(0, 16);
}

async function planOf(flags: StudyFlags, checkpoint: Checkpoint): Promise<StudyPlan> {
  let plan: StudyPlan;
  if (flags.plan === undefined) plan = defaultStudyPlan(checkpoint.manifest.sampling.steps);
  else {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(flags.plan, 'utf8'));
    } catch (cause) {
      throw new UsageError(`study: --plan ${flags.plan} must be a JSON file (${String(cause)}).`, { cause });
    }
    plan = parseStudyPlan(value, flags.plan);
  }
  return {
    ...plan,
    task: flags.task ?? plan.task,
    seed: flags.seed ?? plan.seed,
    repeats: flags.repeats ?? plan.repeats,
  };
}

async function designsOf(flags: StudyFlags, { task }: StudyPlan, signal: AbortSignal): Promise<StudyDesign[]> {
  if ((flags.set === undefined) === (flags.design === undefined))
    throw new UsageError('study: name either a test set with --set or documents with --design.');
  if (flags.set === undefined) {
    const files = await Promise.all((flags.design ?? []).map((path) => readDesignFile(path)));
    return files.map(({ design, folder, path }, i) => ({
      name: `${i}-${resolve(path).split(/[\\/]/).slice(-2, -1)[0] ?? 'design'}`.replace(/[^A-Za-z0-9_-]+/g, '-'),
      document: design.task ? design : toGenerate(design),
      pictures: designPictures(folder),
    }));
  }
  const set = await readTestSet(flags.set, { limit: flags.limit, signal });
  const designs = set.designs.flatMap((design): StudyDesign[] => {
    const document = design.documents.get(task);
    return document ? [{ name: design.name, document, pictures: (uri) => loadSetPicture(design, uri) }] : [];
  });
  if (designs.length === 0) throw new UsageError(`study: ${flags.set} has no design for the task ${task}.`);
  return designs;
}

interface StudyBar {
  update(state: StudyProgress): void;
  done(): void;
}

/** A bar in a terminal, a line a run elsewhere, nothing when quiet. */
function progressOf(isQuiet: boolean): StudyBar {
  if (isQuiet) return { update: () => {}, done: () => {} };
  const stream = process.stderr;
  if (!stream.isTTY)
    return {
      update: ({ done, total, setting, design, isFresh }) => {
        if (isFresh) stream.write(`${done}/${total} ${setting}, ${design}\n`);
      },
      done: () => {},
    };
  const bar = new SingleBar(
    { format: 'study {bar} {value}/{total} {eta_formatted} left: {setting}, {design}', stream },
    Presets.shades_classic,
  );
  let isStarted = false;
  return {
    update: ({ done, total, setting, design }) => {
      if (!isStarted) bar.start(total, 0, { setting, design });
      isStarted = true;
      bar.update(done, { setting, design });
    },
    done: () => bar.stop(),
  };
}

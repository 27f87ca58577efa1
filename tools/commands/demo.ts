import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { flattenLayers } from '../../model/layout/flatten.ts';
import { MrtPipeline } from '../../model/pipeline/mrt-pipeline.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import { DEFAULT_MODEL } from '../default-model.ts';
import { demoReport, type DemoOutcome } from '../demo/demo-report.ts';
import { demoTasks, type DemoTask } from '../demo/demo-tasks.ts';
import { designPictures, writeResult } from '../design/design-files.ts';
import { withInterrupt } from '../interrupt.ts';
import { createProgress } from '../progress.ts';
import { integerFlag } from './run-options.ts';

interface DemoFlags {
  readonly model: string;
  readonly output: string;
  readonly steps?: number;
  readonly seed?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `demo`: all four tasks on the shipped checkpoint, with a report to look at. */
export function register(program: Command): void {
  program
    .command('demo')
    .description('run all four tasks on the shipped checkpoint and write pictures and a report')
    .option('-m, --model <dir>', 'checkpoint folder', DEFAULT_MODEL)
    .option('-o, --output <dir>', 'folder for the pictures and report.html', 'demo')
    .option('--steps <n>', 'denoising steps', integerFlag(1, 1000))
    .option('--seed <n>', 'seed of the noise', integerFlag(0))
    .option('--json', 'print one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr')
    .action(runDemo);
}

async function runDemo(flags: DemoFlags): Promise<void> {
  await withInterrupt(async (signal) => {
    const started = performance.now();
    const checkpoint = await Checkpoint.open(await modelFolder(flags.model));
    await using engine = await openEngine();
    await using pipeline = MrtPipeline.open(engine, checkpoint);
    const progress = createProgress({ isQuiet: flags.quiet === true || flags.json === true });
    const outcomes: DemoOutcome[] = [];
    for (const task of await demoTasks()) {
      progress.note(`${task.name}: ${task.title.toLowerCase()}`);
      const taskStarted = performance.now();
      const run = pipeline.run(task.design, {
        pictures: designPictures(task.folder),
        signal,
        ...(flags.steps !== undefined ? { steps: flags.steps } : {}),
        ...(flags.seed !== undefined ? { seed: flags.seed } : {}),
      });
      try {
        for await (const event of run) progress.event(event);
      } finally {
        progress.done();
      }
      const result = await run;
      const folder = join(flags.output, task.name);
      const written = await writeResult(folder, result);
      await copyGiven(task, folder);
      outcomes.push({ task, result, written, folder: task.name, seconds: (performance.now() - taskStarted) / 1000 });
    }
    const report = join(flags.output, 'report.html');
    await writeFileAtomic(report, [new TextEncoder().encode(demoReport(outcomes, engine.info.description))]);
    const seconds = (performance.now() - started) / 1000;
    if (flags.json) {
      const tasks = outcomes.map(({ task, written, result, seconds: taskSeconds }) => ({
        task: task.name,
        seconds: taskSeconds,
        psnrVsInput: result.psnrVsInput,
        ...written,
      }));
      console.log(JSON.stringify({ report, seconds, device: engine.info.description, tasks }, null, 2));
      return;
    }
    console.log(`${report}: ${outcomes.length} tasks in ${seconds.toFixed(1)} s. Open it in a browser. Then try:`);
    console.log('  layerloom decompose PICTURE.png --layout LAYOUT.json    boxes for your own picture');
    console.log(`  layerloom edit add ${join(flags.output, 'generate')} --box 8,8,40,40 --caption "green ring"`);
    console.log('  layerloom doctor                                         what this machine could run');
  });
}

/** Puts the picture that was given, and the true layers, beside the result. */
async function copyGiven(task: DemoTask, folder: string): Promise<void> {
  const image = task.design.task?.image?.uri;
  if (image) await copyFile(join(task.folder, image), join(folder, 'input.png'));
  await mkdir(join(folder, 'truth'), { recursive: true });
  for (const { layer } of flattenLayers(task.truth.layers).leaves)
    if (layer.source) await copyFile(join(task.folder, layer.source.uri), join(folder, 'truth', layer.source.uri));
}

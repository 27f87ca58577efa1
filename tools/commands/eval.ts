import { InvalidArgumentError, Option, type Command } from 'commander';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { DESIGN_TASKS, type DesignTaskType } from '../../model/layout/design-schema.ts';
import { MrtPipeline } from '../../model/pipeline/mrt-pipeline.ts';
import { WEIGHT_PRECISIONS, type WeightPrecision } from '../../model/weight-precision.ts';
import { UsageError } from '../../runtime/errors.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { evalCommand, type EvalArguments, type EvalOutputLines } from '../eval/eval-command.ts';
import { withInterrupt } from '../interrupt.ts';
import { integerFlag, numberFlag, PRECISION_HELP } from './run-options.ts';

interface EvalFlags {
  readonly set: string;
  readonly baselinesOnly?: boolean;
  readonly task?: DesignTaskType[];
  readonly steps?: number[];
  readonly cfgScale?: number;
  readonly seed?: number;
  readonly limit?: number;
  readonly shuffled: boolean;
  readonly precision: WeightPrecision;
  readonly gpu?: boolean;
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `eval MODEL --set DIR`: figures of a checkpoint on a test set, beside its VAE bound, its control and the baselines. */
export function register(program: Command): void {
  program
    .command('eval')
    .description('score a checkpoint on a test set, beside what needs no model')
    .argument('[model]', 'checkpoint folder')
    .requiredOption('--set <dir>', 'test set, as tools/train/make_set.py writes it')
    .option('--baselines-only', 'only what needs no model')
    .addOption(new Option('--task <tasks...>', 'tasks to score; default: all of the set').choices(DESIGN_TASKS))
    .option(
      '--steps <n,...>',
      'step counts; the first is that of the control (default: the manifest, by task)',
      stepsFlag,
    )
    .option('--cfg-scale <x>', 'weight of guidance; 1 = off (default: the manifest, by task)', numberFlag(0, 100))
    .option('--seed <n>', "added to the documents' seeds", integerFlag(0))
    .option('--limit <n>', 'only the first so many designs', integerFlag(1))
    .option('--no-shuffled', 'leave out the controls: shuffled captions, the network without refinement')
    .addOption(new Option('--precision <dtype>', PRECISION_HELP).choices(WEIGHT_PRECISIONS).default('stored'))
    .option('--gpu', 'insist on a real GPU')
    .option('-o, --output <dir>', 'folder for eval.json and plots')
    .option('--json', 'print one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr')
    .action(async (model: string | undefined, flags: EvalFlags) => {
      if ((model === undefined) !== (flags.baselinesOnly === true))
        throw new UsageError('eval: name either a checkpoint folder or --baselines-only.');
      const { task, baselinesOnly: _, quiet: _quiet, precision, gpu, ...rest } = flags;
      await withInterrupt(async (signal) => {
        const args: EvalArguments = { ...rest, tasks: task, signal };
        const lines = linesOf(flags.quiet === true);
        if (model === undefined) {
          await evalCommand(args, lines);
          return;
        }
        const checkpoint = await Checkpoint.open(await modelFolder(model));
        await using engine = await openEngine({ adapter: gpu ? 'gpu' : 'any' });
        await using pipeline = MrtPipeline.open(engine, checkpoint, { precision });
        const { description, isSoftware } = engine.info;
        const opened = { pipeline, name: model, precision, device: { description, isSoftware } };
        await evalCommand({ ...args, model: opened }, lines);
      });
    });
}

/** Results to stdout; progress to stderr, on one line that is written over where stderr is a terminal. */
function linesOf(isQuiet: boolean): EvalOutputLines {
  return {
    out: (line) => console.log(line),
    progress: (line) => {
      if (isQuiet || !process.stderr.isTTY) return;
      process.stderr.write(`\r\u001b[K${line}`);
    },
  };
}

/** Step counts with commas between them, for commander. */
function stepsFlag(text: string): number[] {
  const counts = text.split(',').map(integerFlag(1, 1000));
  if (new Set(counts).size !== counts.length) throw new InvalidArgumentError('must not name a count twice.');
  return counts;
}

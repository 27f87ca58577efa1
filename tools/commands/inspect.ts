import { stat } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { DESIGN_TASKS } from '../../model/layout/design-schema.ts';
import { taskSampling, type MrtManifest, type TaskSampling } from '../../model/manifest/manifest.ts';
import { WEIGHT_PRECISIONS, type WeightPrecision } from '../../model/weight-precision.ts';
import { UsageError } from '../../runtime/errors.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openWeightFile } from '../../runtime/node/open-weights.ts';
import { describeWeights, weightsLine } from '../inspect/describe-file.ts';
import { gib, keyValueLines } from '../inspect/format.ts';
import { planReport, printPlan } from '../inspect/plan-report.ts';
import { integerFlag, numberFlag, PRECISION_HELP } from './run-options.ts';

/** Flags of `inspect`. */
export interface InspectFlags {
  readonly plan?: boolean;
  readonly layout?: string;
  readonly size?: readonly [width: number, height: number];
  readonly layers: number;
  readonly task: 't2l' | 'i2l';
  readonly textTokens: number;
  readonly steps?: number;
  readonly cfgScale?: number;
  readonly dtype: string;
  readonly precision: WeightPrecision;
  readonly memory?: number;
  readonly device: boolean;
  readonly json?: boolean;
}

function sizeFlag(text: string): readonly [number, number] {
  const match = /^(\d+)x(\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('must be WIDTHxHEIGHT in pixels, e.g. 1024x1024.');
  return [Number(match[1]), Number(match[2])];
}

/** `inspect FILE|DIR [--plan]`: what a file or checkpoint holds; what a run on it would take, without any weights. */
export function register(program: Command): void {
  program
    .command('inspect')
    .description('say what a weight file or checkpoint holds; with --plan what a run would take, without weights')
    .argument('<path>', 'a .safetensors file, a checkpoint folder, or (with --plan) a transformer config.json')
    .option('--plan', 'tokens, FLOPs and bytes of a run')
    .option('-l, --layout <file>', 'layered-design document to plan for')
    .option('--size <WxH>', 'window to plan for, where there is no layout', sizeFlag)
    .option('--layers <n>', 'layers to plan for, each a quarter of the window', integerFlag(0, 50), 4)
    .addOption(
      new Option('--task <task>', 'task to plan for, where there is no layout').choices(['t2l', 'i2l']).default('i2l'),
    )
    .option('--text-tokens <n>', 'rows of text features to plan for', integerFlag(1, 4096), 128)
    .option('--steps <n>', 'denoising steps', integerFlag(1, 1000))
    .option('--cfg-scale <x>', 'weight of guidance; above 1 = two forwards a step', numberFlag(0, 100))
    .addOption(
      new Option('--dtype <dtype>', 'stored dtype to plan for, where there are no weights')
        .choices(['BF16', 'F16', 'F32'])
        .default('BF16'),
    )
    .addOption(new Option('--precision <dtype>', PRECISION_HELP).choices(WEIGHT_PRECISIONS).default('stored'))
    .option('--memory <GiB>', 'memory of the device: refuse what does not fit', numberFlag(0, 1e6))
    .option('--no-device', 'do not compare with the limits of the device at hand')
    .option('--json', 'print one JSON document')
    .action(async (path: string, flags: InspectFlags) => {
      if (flags.plan) {
        const report = await planReport(path, flags);
        console.log(flags.json ? JSON.stringify(report, null, 2) : printPlan(report).join('\n'));
        if (report.refusal) throw report.refusal;
        return;
      }
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => {
          throw new UsageError(`${path}: is not there.`);
        },
      );
      await (isFolder ? inspectFolder(path, flags) : inspectFile(path, flags));
    });
}

async function inspectFile(path: string, flags: InspectFlags): Promise<void> {
  const source = await openWeightFile(path);
  try {
    const description = describeWeights(source);
    if (flags.json) {
      console.log(JSON.stringify(description, null, 2));
      return;
    }
    console.log(`${path}: ${weightsLine(description)}`);
    for (const [key, value] of Object.entries(description.metadata)) console.log(`  ${key}: ${value}`);
    for (const { name, dtype, shape, byteLength } of description.tensors)
      console.log(`  ${name}  ${dtype} [${shape.join(', ')}]  ${gib(byteLength)}`);
  } finally {
    await source.close();
  }
}

async function inspectFolder(path: string, flags: InspectFlags): Promise<void> {
  const checkpoint = await Checkpoint.open(await modelFolder(path));
  try {
    const { folders } = checkpoint.manifest;
    const parts: Record<string, ReturnType<typeof describeWeights>> = {};
    for (const part of new Set([folders.transformer, folders.encoder, folders.decoder, folders.textEncoder]))
      parts[part] = describeWeights(await checkpoint.weights(part));
    const transformer = await checkpoint.transformerConfig();
    if (flags.json) {
      const weights = Object.fromEntries(
        Object.entries(parts).map(([part, { tensors, ...rest }]) => [part, { ...rest, tensors: tensors.length }]),
      );
      console.log(
        JSON.stringify({ path, kind: checkpoint.kind, transformer, weights, manifest: checkpoint.manifest }, null, 2),
      );
      return;
    }
    console.log(`${path}: ${checkpoint.kind}`);
    const { numLayers, numAttentionHeads, attentionHeadDim, jointAttentionDim } = transformer;
    const lines = keyValueLines([
      [
        'transformer',
        `${numLayers} blocks, ${numAttentionHeads} heads x ${attentionHeadDim}, text width ${jointAttentionDim}`,
      ],
      ...Object.entries(parts).map(([part, description]) => [part, weightsLine(description)] as const),
      ...(checkpoint.kind === 'mrt' ? [['sampling', samplingText(checkpoint.manifest)] as const] : []),
    ]);
    for (const line of lines) console.log(`  ${line}`);
  } finally {
    await checkpoint.close();
  }
}

/** What a run takes where nothing says otherwise; tasks that differ from the rest by name. */
function samplingText(manifest: MrtManifest): string {
  const textOf = ({ form, steps, cfgScale }: TaskSampling): string => `${form}, ${steps} steps, cfg ${cfgScale}`;
  const general = textOf(taskSampling(manifest));
  const others = DESIGN_TASKS.flatMap((task) => {
    const own = textOf(taskSampling(manifest, task));
    return own === general ? [] : [`${task}: ${own}`];
  });
  return [general, ...others].join('; ');
}

import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseCacheOption, type CacheOption } from '../../model/cache/cache-config.ts';
import type { NoiseSource } from '../../model/pipeline/mrt-job.ts';
import { WEIGHT_PRECISIONS, type WeightPrecision } from '../../model/weight-precision.ts';

/** What `--precision` says of itself. */
export const PRECISION_HELP =
  'matrix weights on the device; w8a8 also multiplies in int8 where inputs are bounded (image qkv and MLP up, inner blocks)';

/** Flags that every command which runs a model has. */
export interface RunFlags {
  readonly model: string;
  readonly output: string;
  readonly steps?: number;
  readonly seed?: number;
  readonly cfgScale?: number;
  readonly rng: NoiseSource;
  readonly cache: CacheOption;
  readonly precision: WeightPrecision;
  readonly gpu?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** A whole number of at least `low`, for commander. */
export function integerFlag(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`must be a whole number from ${low} to ${high}.`);
    return value;
  };
}

/** A number from `low` to `high`, for commander. */
export function numberFlag(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high))
      throw new InvalidArgumentError(`must be a number from ${low} to ${high}.`);
    return value;
  };
}

/** A box `x0,y0,x1,y1` in pixels, for commander. */
export function boxFlag(text: string): readonly [number, number, number, number] {
  const numbers = text.split(',').map(Number);
  const [x0, y0, x1, y1] = numbers;
  if (numbers.length !== 4 || !numbers.every(Number.isInteger) || x1 <= x0 || y1 <= y0)
    throw new InvalidArgumentError('must be x0,y0,x1,y1 in whole pixels with x0 < x1 and y0 < y1.');
  return [x0, y0, x1, y1];
}

/** Adds the flags of RunFlags. */
export function addRunOptions(command: Command, defaultModel: string): Command {
  return command
    .option('-m, --model <dir>', 'checkpoint folder', defaultModel)
    .option('-o, --output <dir>', 'folder for layers/, merged.png and layout.json', 'out')
    .option('--steps <n>', 'denoising steps', integerFlag(1, 1000))
    .option('--seed <n>', 'seed of the noise', integerFlag(0))
    .option('--cfg-scale <x>', 'weight of guidance; 1 = off', numberFlag(0, 100))
    .addOption(
      new Option('--rng <name>', "where noise comes from: the engine's own, or torch's CPU generator")
        .choices(['philox', 'torch-cpu'])
        .default('philox'),
    )
    .addOption(
      new Option('--cache <what>', 'step cache: off, slow, medium, fast, ultra, or a .json file with its settings')
        .argParser(parseCacheOption)
        .default({ kind: 'off' } satisfies CacheOption, 'off'),
    )
    .addOption(new Option('--precision <dtype>', PRECISION_HELP).choices(WEIGHT_PRECISIONS).default('stored'))
    .option('--gpu', 'insist on a real GPU')
    .option('--json', 'print one JSON document on stdout')
    .option('-q, --quiet', 'no progress on stderr');
}

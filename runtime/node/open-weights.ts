import { openWeights, openWeightSource } from '../weights/open-weights.ts';
import type { OpenWeightsOptions } from '../weights/open-weights.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { fileSource } from './file-source.ts';
import type { FileSourceOptions } from './file-source.ts';
import { folderSource } from './folder-source.ts';
import { loadNative } from './native.ts';

export type OpenWeightFileOptions = OpenWeightsOptions & FileSourceOptions;

/**
 * Opens the weights of a model folder on disk: `<base>.safetensors.index.json` with its shards, `<base>.safetensors` or
 * `<base>.safetensors.gz`, where base is `diffusion_pytorch_model` or `model` unless `options.baseName` says otherwise.
 * @throws CheckpointError `not-a-folder`, `no-weights`, or the rule that a file breaks.
 */
export async function openWeightFolder(
  path: string,
  options: OpenWeightFileOptions = {},
  signal?: AbortSignal,
): Promise<WeightSource> {
  return openWeights(await folderSource(path, options), withNative(options), signal);
}

/**
 * Opens a single `.safetensors` or `.safetensors.gz` file on disk.
 * @throws CheckpointError `not-a-file`, or the rule that the file breaks.
 */
export async function openWeightFile(
  path: string,
  options: OpenWeightFileOptions = {},
  signal?: AbortSignal,
): Promise<WeightSource> {
  return openWeightSource(await fileSource(path, options), withNative(options), signal);
}

/** The addon's conversions, where it is built and the caller has none of their own. */
function withNative(options: OpenWeightFileOptions): OpenWeightFileOptions {
  const native = loadNative();
  return native === undefined || options.convert !== undefined ? options : { ...options, convert: native };
}

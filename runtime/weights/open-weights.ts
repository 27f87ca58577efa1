import { CheckpointError } from '../errors.ts';
import type { ByteSource } from '../io/byte-source.ts';
import type { FolderSource } from '../io/folder-source.ts';
import { gunzipSource } from '../safetensors/gzip.ts';
import type { GunzipOptions } from '../safetensors/gzip.ts';
import { openSafetensors } from '../safetensors/reader.ts';
import type { SafetensorsOptions } from '../safetensors/reader.ts';
import { openSharded } from '../safetensors/shard-index.ts';
import { stripPrefix } from './strip-prefix.ts';
import type { WeightSource } from './weight-source.ts';

export interface OpenWeightsOptions extends SafetensorsOptions {
  /**
   * Name of the weights in the folder without `.safetensors`; by default `diffusion_pytorch_model` (diffusers), then
   * `model` (transformers).
   */
  readonly baseName?: string;
  /** A prefix to take off tensor names, e.g. `DIFFUSION_MODEL_PREFIX` for single-file checkpoints. */
  readonly stripPrefix?: string;
  /** Caps for `.gz` files. */
  readonly gzip?: GunzipOptions;
}

const BASE_NAMES = ['diffusion_pytorch_model', 'model'];

/**
 * Opens one safetensors file; one whose name ends in `.gz` is inflated into memory first. Where that fails the source
 * is closed.
 * @throws CheckpointError with the broken rule.
 */
export async function openWeightSource(
  source: ByteSource,
  options: OpenWeightsOptions = {},
  signal?: AbortSignal,
): Promise<WeightSource> {
  const plain = /\.gz$/i.test(source.name) ? await gunzipSource(source, options.gzip, signal) : source;
  return strip(await openSafetensors(plain, options, signal), options);
}

/**
 * Opens the weights of a model folder: an index with its shards, or a single file (perhaps gzip-compressed).
 * @throws CheckpointError `no-weights` where there are none, else the broken rule.
 */
export async function openWeights(
  folder: FolderSource,
  options: OpenWeightsOptions = {},
  signal?: AbortSignal,
): Promise<WeightSource> {
  const baseNames = options.baseName === undefined ? BASE_NAMES : [options.baseName];
  for (const base of baseNames) {
    const indexName = `${base}.safetensors.index.json`;
    const index = await folder.open(indexName);
    if (index !== undefined) {
      await index.close();
      return strip(await openSharded(folder, indexName, options, signal), options);
    }
    for (const name of [`${base}.safetensors`, `${base}.safetensors.gz`]) {
      const file = await folder.open(name);
      if (file !== undefined) return openWeightSource(file, options, signal);
    }
  }
  throw new CheckpointError(
    `${folder.name}: has no weights: looked for ${baseNames.map((base) => `${base}.safetensors`).join(' and ')}, ` +
      `.gz and .index.json.${await remedy(folder)}`,
    { rule: 'no-weights', path: folder.name },
  );
}

async function strip(weights: WeightSource, options: OpenWeightsOptions): Promise<WeightSource> {
  if (options.stripPrefix === undefined) return weights;
  try {
    return stripPrefix(weights, options.stripPrefix);
  } catch (error) {
    await weights.close();
    throw error;
  }
}

async function remedy(folder: FolderSource): Promise<string> {
  const names = (await folder.list?.()) ?? [];
  if (names.some((name) => /\.(bin|pt|pth|ckpt)$/i.test(name)))
    return ' Pickled checkpoints are not read, because they can run code: convert them with safetensors.torch.save_file.';
  const other = names.find((name) => /\.safetensors(\.gz)?$/i.test(name));
  if (other !== undefined) return ` There is ${JSON.stringify(other)}: open that file by its path.`;
  return ' Is this the folder of the model?';
}

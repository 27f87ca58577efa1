import { CheckpointError } from '../errors.ts';
import { readWhole } from '../io/folder-source.ts';
import type { FolderSource } from '../io/folder-source.ts';
import { isJsonObject, jsonField, parseStrictJson, quote } from '../io/strict-json.ts';
import { missingTensor } from '../weights/missing-tensor.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { openSafetensors } from './reader.ts';
import type { SafetensorsFile, SafetensorsOptions } from './reader.ts';

/** A validated `*.safetensors.index.json`. */
export interface ShardIndex {
  /** Tensor name to base name of its shard. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** Bytes of all tensors, where the index says so. */
  readonly totalSize: number | undefined;
}

/** Deepest JSON nesting of an index. */
const MAX_INDEX_DEPTH = 16;
/** An index of the 20B model has 200 KB. */
const MAX_INDEX_BYTES = 64 << 20;
const MAX_SHARDS = 10_000;
/** One plain base name: nothing that a file system, a URL or a shell reads as more. ASCII, whole string. */
const SHARD_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,180}\.safetensors$/;

/**
 * Validates an index, before any shard is looked at. Rules and order: `test/golden/files.md` section 4.
 * @throws CheckpointError with the broken rule.
 */
export function parseShardIndex(text: Uint8Array | string, path: string): ShardIndex {
  const refuse = (rule: string, what: string): never => {
    throw new CheckpointError(`${path}: ${what}.`, { rule, path });
  };
  const { value } = parseStrictJson(text, MAX_INDEX_DEPTH, (fault, detail) => {
    const rule = fault === 'duplicate-key' ? fault : fault === 'too-deep' ? 'index-too-deep' : 'index-not-json';
    return refuse(rule, `the index must be one JSON object, but ${detail}`);
  });
  if (!isJsonObject(value)) return refuse('index-not-object', `the index must be a JSON object, got ${quote(value)}`);
  const map = jsonField(value, 'weight_map');
  if (map === undefined) return refuse('index-no-map', 'weight_map is missing');
  if (!isJsonObject(map)) return refuse('index-bad-map', `weight_map must be an object of strings, got ${quote(map)}`);
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string')
      return refuse('index-bad-map', `weight_map ${quote(tensor)} must be a file name, got ${quote(file)}`);
    weightMap.set(tensor, file);
  }
  if (weightMap.size === 0) return refuse('index-empty', 'weight_map has no entries');
  let totalSize: number | undefined;
  const metadata = jsonField(value, 'metadata');
  if (metadata !== undefined) {
    if (!isJsonObject(metadata))
      return refuse('index-bad-metadata', `metadata must be an object, got ${quote(metadata)}`);
    const total = jsonField(metadata, 'total_size');
    if (total !== undefined) {
      if (typeof total !== 'number' || !Number.isSafeInteger(total) || total < 0)
        return refuse('index-bad-metadata', `total_size must be an integer in 0..2^53-1, got ${quote(total)}`);
      totalSize = total;
    }
  }
  const files = new Set(weightMap.values());
  for (const file of files) {
    if (!SHARD_NAME.test(file))
      return refuse(
        'shard-name',
        `a shard must be the plain name of a .safetensors file in the same folder, got ${quote(file)}`,
      );
  }
  if (files.size > MAX_SHARDS)
    return refuse('shard-count', `may name at most ${MAX_SHARDS} shards, names ${files.size}`);
  return { weightMap, totalSize };
}

/** Tensors of several files behind one index. */
class ShardedWeights implements WeightSource {
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string> = new Map();
  readonly #shards: ReadonlyMap<string, SafetensorsFile>;
  readonly #weightMap: ReadonlyMap<string, string>;

  constructor(name: string, shards: ReadonlyMap<string, SafetensorsFile>, weightMap: ReadonlyMap<string, string>) {
    this.name = name;
    this.#shards = shards;
    this.#weightMap = weightMap;
  }

  /** Shard by shard, so that whoever reads in this order reads every file once from front to back. */
  *names(): Iterable<string> {
    for (const shard of this.#shards.values()) yield* shard.names();
  }

  info(name: string) {
    return this.#find(name)?.info(name);
  }

  async readRaw(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#shard(name).readRaw(name, signal);
  }

  async readRange(name: string, begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#shard(name).readRange(name, begin, end, signal);
  }

  async readF32(name: string, signal?: AbortSignal): Promise<Float32Array> {
    return this.#shard(name).readF32(name, signal);
  }

  async close(): Promise<void> {
    for (const shard of this.#shards.values()) await shard.close();
  }

  #find(name: string): SafetensorsFile | undefined {
    const file = this.#weightMap.get(name);
    return file === undefined ? undefined : this.#shards.get(file);
  }

  #shard(name: string): SafetensorsFile {
    const shard = this.#find(name);
    if (shard === undefined) throw missingTensor(this.name, name);
    return shard;
  }
}

/**
 * Opens all shards of an index (their headers), and checks that map, shards and `total_size` agree both ways.
 * @param indexName Base name of the index file in `folder`.
 * @throws CheckpointError with the broken rule of the index, of a shard or of their agreement; nothing stays open.
 */
export async function openSharded(
  folder: FolderSource,
  indexName: string,
  options: SafetensorsOptions = {},
  signal?: AbortSignal,
): Promise<WeightSource> {
  const path = `${folder.name}/${indexName}`;
  const text = await readWhole(folder, indexName, MAX_INDEX_BYTES, signal);
  if (text === undefined)
    throw new CheckpointError(`${path}: no such file. Is the folder complete?`, { rule: 'no-weights', path });
  const { weightMap, totalSize } = parseShardIndex(text, path);
  const shards = new Map<string, SafetensorsFile>();
  try {
    for (const file of new Set(weightMap.values())) {
      const source = await folder.open(file);
      if (source === undefined)
        throw new CheckpointError(
          `${path}: shard ${quote(file)} is not in the folder (or is no regular file). Fetch it.`,
          { rule: 'shard-missing', path },
        );
      shards.set(file, await openSafetensors(source, options, signal));
    }
    checkAgreement(path, weightMap, totalSize, shards);
  } catch (error) {
    for (const shard of shards.values()) await shard.close();
    throw error;
  }
  return new ShardedWeights(folder.name, shards, weightMap);
}

function checkAgreement(
  path: string,
  weightMap: ReadonlyMap<string, string>,
  totalSize: number | undefined,
  shards: ReadonlyMap<string, SafetensorsFile>,
): void {
  const holder = new Map<string, string>();
  let bytes = 0;
  for (const [file, shard] of shards) {
    for (const [tensor, { byteLength }] of shard.header.tensors) {
      const other = holder.get(tensor);
      if (other !== undefined)
        throw disagree(path, tensor, 'tensor-twice', `is in shard ${quote(other)} and in shard ${quote(file)}`);
      holder.set(tensor, file);
      bytes += byteLength;
    }
  }
  for (const [tensor, file] of weightMap) {
    const holds = holder.get(tensor);
    if (holds === undefined)
      throw disagree(path, tensor, 'map-disagrees', `should be in shard ${quote(file)}, which lacks it`);
    if (holds !== file)
      throw disagree(path, tensor, 'map-disagrees', `should be in shard ${quote(file)}, but is in ${quote(holds)}`);
  }
  for (const [tensor, file] of holder) {
    if (!weightMap.has(tensor))
      throw disagree(path, tensor, 'map-disagrees', `is in shard ${quote(file)}, but weight_map does not list it`);
  }
  if (totalSize !== undefined && totalSize !== bytes)
    throw new CheckpointError(
      `${path}: total_size must be the sum of all tensors, ${bytes}, got ${totalSize}. Fetch the shards again.`,
      { rule: 'total-size', path },
    );
}

function disagree(path: string, tensor: string, rule: string, what: string): CheckpointError {
  return new CheckpointError(`${path}: tensor ${quote(tensor)} ${what}. Are all shards of one checkpoint?`, {
    rule,
    path,
    tensor,
  });
}

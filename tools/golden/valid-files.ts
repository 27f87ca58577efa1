import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CheckpointError } from '../../runtime/errors.ts';
import { memorySource } from '../../runtime/io/byte-source.ts';
import { folderSource } from '../../runtime/node/folder-source.ts';
import { openWeightFile } from '../../runtime/node/open-weights.ts';
import { isIntDType, toBigInts, toF64 } from '../../runtime/safetensors/convert.ts';
import { openSafetensors } from '../../runtime/safetensors/reader.ts';
import { openSharded } from '../../runtime/safetensors/shard-index.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { buildParts } from './parts.ts';
import type { Part } from './parts.ts';
import { expectAcceptance } from './vector.ts';
import type { Outcome } from './vector.ts';

interface ValidTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly sha256: string;
  /** base64 of little-endian f32. */
  readonly f32?: string;
  /** base64 of little-endian f64. */
  readonly f64?: string;
  readonly ints?: readonly string[];
  readonly mayRefuse?: string;
  readonly bytes?: string;
}

interface ValidFile {
  readonly file: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly tensors: readonly ValidTensor[];
  readonly index?: boolean;
}

interface Recipe {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly count: number;
  readonly maxSeconds?: number;
  readonly mayRefuse?: string;
}

/** `valid.json`. */
export interface ValidFiles {
  readonly files: readonly ValidFile[];
  readonly recipes: readonly Recipe[];
}

type Difference = { output: string; got: string; wanted: string } | undefined;

/** Opens every file of `valid.json` and compares all of its contents; builds and opens the recipes. */
export async function runValid(folder: string, valid: ValidFiles): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const file of valid.files) {
    const path = join(folder, file.file);
    const { size } = await stat(path);
    outcomes.push(await expectAcceptance(file.file, 'valid', size, () => checkFile(path, file)));
  }
  for (const recipe of valid.recipes) {
    const bytes = buildParts(recipe.parts);
    const limits = recipe.maxSeconds === undefined ? {} : { maxSeconds: recipe.maxSeconds };
    const run = () => checkRecipe(bytes, recipe);
    outcomes.push(await expectAcceptance(`recipes/${recipe.name}`, 'valid', bytes.length, run, limits));
  }
  return outcomes;
}

async function checkFile(path: string, file: ValidFile): Promise<Difference> {
  const weights = file.index
    ? await openSharded(await folderSource(dirname(path)), basename(path))
    : await openWeightFile(path);
  try {
    const names = [...weights.names()].sort();
    const wanted = file.tensors.map((tensor) => tensor.name).sort();
    if (JSON.stringify(names) !== JSON.stringify(wanted))
      return { output: 'names', got: JSON.stringify(names), wanted: JSON.stringify(wanted) };
    const difference = file.index ? undefined : checkMetadata(weights, file.metadata);
    if (difference !== undefined) return difference;
    for (const tensor of file.tensors) {
      const wrong = await checkTensor(weights, tensor);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  } finally {
    await weights.close();
  }
}

function checkMetadata(weights: WeightSource, wanted: ValidFile['metadata']): Difference {
  const got = JSON.stringify([...weights.metadata]);
  const want = JSON.stringify(Object.entries(wanted ?? {}));
  return got === want ? undefined : { output: '__metadata__', got, wanted: want };
}

async function checkTensor(weights: WeightSource, wanted: ValidTensor): Promise<Difference> {
  const { name } = wanted;
  const differ = (what: string, got: unknown, want: unknown): Difference => ({
    output: `${JSON.stringify(name).slice(0, 60)}.${what}`,
    got: String(got),
    wanted: String(want),
  });
  const info = weights.info(name);
  if (info?.dtype !== wanted.dtype) return differ('dtype', info?.dtype, wanted.dtype);
  if (info.shape.join() !== wanted.shape.join()) return differ('shape', info.shape, wanted.shape);
  const raw = await weights.readRaw(name);
  const hash = createHash('sha256').update(raw).digest('hex');
  if (hash !== wanted.sha256) return differ('sha256', hash, wanted.sha256);
  if (wanted.ints !== undefined) {
    if (!isIntDType(info.dtype)) return differ('ints', `no integers in ${info.dtype}`, 'integers');
    const ints = toBigInts(info.dtype, raw).map(String);
    return ints.join() === wanted.ints.join() ? undefined : differ('ints', ints, wanted.ints);
  }
  let f32: Float32Array;
  try {
    f32 = await weights.readF32(name);
  } catch (error) {
    const isNamed =
      error instanceof CheckpointError &&
      error.rule === wanted.mayRefuse &&
      error.tensor === name &&
      error.message.includes(wanted.dtype);
    return isNamed ? undefined : differ('f32', error, wanted.mayRefuse ?? 'values');
  }
  if (wanted.f32 === undefined) return differ('f32', 'values', 'no expectation');
  const at = firstDifference(f32, Buffer.from(wanted.f32, 'base64'));
  if (at !== undefined) return differ(`f32[${at}]`, f32[at], 'other bits');
  if (wanted.f64 !== undefined && info.dtype === 'F64') {
    const f64 = Buffer.from(toF64('F64', raw).buffer);
    if (!f64.equals(Buffer.from(wanted.f64, 'base64'))) return differ('f64', 'other bits', 'the stored ones');
  }
  return undefined;
}

/** First index where bits differ (any NaN equals any NaN), or -1 for another length. */
function firstDifference(values: Float32Array, wanted: Buffer): number | undefined {
  if (values.byteLength !== wanted.length) return -1;
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const bothNaN = Number.isNaN(values[i]) && Number.isNaN(wanted.readFloatLE(4 * i));
    if (!bothNaN && words[i] !== wanted.readUInt32LE(4 * i)) return i;
  }
  return undefined;
}

async function checkRecipe(bytes: Uint8Array, recipe: Recipe): Promise<Difference> {
  try {
    const file = await openSafetensors(memorySource(bytes, `${recipe.name}.safetensors`));
    const names = [...file.names()];
    const last = names.at(-1);
    if (last !== undefined) await file.readRaw(last);
    return names.length === recipe.count
      ? undefined
      : { output: 'count', got: `${names.length}`, wanted: `${recipe.count}` };
  } catch (error) {
    if (error instanceof CheckpointError && error.rule === recipe.mayRefuse) return undefined;
    throw error;
  }
}

/** Reads a JSON file of the folder. */
export async function readJson<T>(folder: string, name: string): Promise<T> {
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
}

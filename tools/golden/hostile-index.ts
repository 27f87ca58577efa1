import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderSource } from '../../runtime/node/folder-source.ts';
import { isSafetensorsDType, safetensorsBits } from '../../runtime/safetensors/dtype.ts';
import { openSharded } from '../../runtime/safetensors/shard-index.ts';
import { encodeSafetensors } from '../../runtime/safetensors/writer.ts';
import { buildParts } from './parts.ts';
import type { Part } from './parts.ts';
import { expectAcceptance, expectRefusal } from './vector.ts';
import type { Outcome, Vector } from './vector.ts';

type ShapeOf = readonly [dtype: string, shape: readonly number[]];

interface IndexVector extends Vector {
  readonly index?: unknown;
  readonly index_text?: string;
  readonly shards?: Readonly<Record<string, Readonly<Record<string, ShapeOf>>>>;
  readonly shards_list?: Readonly<Record<string, readonly (readonly [string, string, readonly number[]])[]>>;
  readonly files?: Readonly<Record<string, readonly Part[]>>;
  readonly folders?: readonly string[];
  readonly symlinks?: Readonly<Record<string, string>>;
  readonly outside?: Readonly<Record<string, Readonly<Record<string, ShapeOf>>>>;
}

/** `hostile-index.json`. */
export interface IndexVectors {
  readonly error: string;
  readonly vectors: readonly IndexVector[];
  readonly accept: readonly IndexVector[];
}

const INDEX_NAME = 'diffusion_pytorch_model.safetensors.index.json';

/** Sets up a model folder for each vector and opens it. */
export async function runIndex({ error: code, vectors, accept }: IndexVectors): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const vector of accept) {
    await inFolder(vector, async (model) => {
      const run = async () => {
        const weights = await openSharded(await folderSource(model), INDEX_NAME);
        for (const name of weights.names()) await weights.readRaw(name);
        return undefined;
      };
      outcomes.push(await expectAcceptance(`index/accept/${vector.name}`, 'hostile-index', 0, run));
    });
  }
  for (const vector of vectors) {
    await inFolder(vector, async (model, indexBytes) => {
      const run = async () => openSharded(await folderSource(model), INDEX_NAME);
      outcomes.push(await expectRefusal(vector, `index/${vector.name}`, 'hostile-index', code, indexBytes, run));
    });
  }
  return outcomes;
}

async function inFolder(vector: IndexVector, use: (model: string, indexBytes: number) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'layerloom-index-'));
  try {
    const outside = join(root, 'elsewhere');
    const parent = join(root, 'models');
    const model = join(parent, 'model');
    await mkdir(outside);
    await mkdir(model, { recursive: true });
    for (const [file, tensors] of Object.entries(vector.outside ?? {})) {
      const bytes = zeroFile(Object.entries(tensors));
      await writeFile(join(outside, file), bytes);
      await writeFile(join(parent, file), bytes);
    }
    for (const [file, tensors] of Object.entries(vector.shards ?? {}))
      await writeFile(join(model, file), zeroFile(Object.entries(tensors)));
    for (const [file, tensors] of Object.entries(vector.shards_list ?? {}))
      await writeFile(join(model, file), zeroFile(tensors.map(([name, dtype, shape]) => [name, [dtype, shape]])));
    for (const [file, parts] of Object.entries(vector.files ?? {}))
      await writeFile(join(model, file), buildParts(parts));
    for (const folder of vector.folders ?? []) await mkdir(join(model, folder));
    for (const [file, target] of Object.entries(vector.symlinks ?? {}))
      await symlink(target.replace('{OUTSIDE}', outside), join(model, file));
    const index = indexOf(vector, outside);
    await writeFile(join(model, INDEX_NAME), index);
    await use(model, index.length);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function indexOf(vector: IndexVector, outside: string): Uint8Array {
  if (vector.parts !== undefined) return buildParts(vector.parts);
  const text = vector.index === undefined ? (vector.index_text ?? vector.text ?? '') : JSON.stringify(vector.index);
  return Buffer.from(text.replaceAll('{OUTSIDE}', JSON.stringify(outside).slice(1, -1)), 'utf8');
}

function zeroFile(tensors: readonly (readonly [name: string, ShapeOf])[]): Uint8Array {
  return encodeSafetensors(
    tensors.map(([name, [dtype, shape]]) => {
      if (!isSafetensorsDType(dtype)) throw new Error(`golden files: unknown dtype ${dtype}`);
      const bits = shape.reduce((product, size) => product * size, safetensorsBits(dtype));
      return { name, dtype, shape, data: new Uint8Array(bits / 8) };
    }),
  );
}

import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Box } from '../../model/layout/design-schema.ts';
import { memorySource } from '../../runtime/io/byte-source.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import { openSafetensors } from '../../runtime/safetensors/reader.ts';
import { encodeSafetensors, type TensorToWrite } from '../../runtime/safetensors/writer.ts';
import type { EvalLayer } from '../eval/eval-layer.ts';

/** What a run leaves to be compared. */
export interface RunOutput {
  /** f32 [N_noise, C] after every step: tokens that move, in plan order. */
  readonly latents: readonly Float32Array[];
  /** Generated layers, bottom first. */
  readonly layers: readonly EvalLayer[];
  /** The visible window, straight RGBA bytes. */
  readonly merged: { readonly width: number; readonly height: number; readonly data: Uint8Array | Uint8ClampedArray };
}

/** Keeps an output as one safetensors file, for settings of other precisions and for resumed studies. */
export async function saveOutput(path: string, output: RunOutput, signal?: AbortSignal): Promise<void> {
  const { latents, layers, merged } = output;
  const tensors: TensorToWrite[] = [
    ...latents.map((data, step): TensorToWrite => ({
      name: `latents.${step}`,
      dtype: 'F32',
      shape: [data.length],
      data,
    })),
    ...layers.map(({ box, rgba }, i): TensorToWrite => ({
      name: `layer.${i}`,
      dtype: 'U8',
      shape: [box[3] - box[1], box[2] - box[0], 4],
      data: rgba,
    })),
    { name: 'merged', dtype: 'U8', shape: [merged.height, merged.width, 4], data: merged.data },
  ];
  const metadata = new Map([['layers', JSON.stringify(layers.map(({ id, box }) => ({ id, box })))]]);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, [encodeSafetensors(tensors, metadata)], signal);
}

/** Reads what `saveOutput` wrote; undefined where there is no such file. @throws CheckpointError for a broken one */
export async function loadOutput(path: string): Promise<RunOutput | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    return undefined;
  }
  const file = await openSafetensors(memorySource(new Uint8Array(bytes), path));
  const described = JSON.parse(file.metadata.get('layers') ?? '[]') as { readonly id: string; readonly box: Box }[];
  const count = [...file.names()].filter((name) => name.startsWith('latents.')).length;
  const latents: Float32Array[] = [];
  for (let step = 0; step < count; step++) latents.push((await file.readF32(`latents.${step}`)).slice());
  const layers: EvalLayer[] = [];
  for (const [i, { id, box }] of described.entries())
    layers.push({ id, box, rgba: (await file.readRaw(`layer.${i}`)).slice() });
  const [height = 0, width = 0] = file.info('merged')?.shape ?? [];
  return { latents, layers, merged: { width, height, data: (await file.readRaw('merged')).slice() } };
}

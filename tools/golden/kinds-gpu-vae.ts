import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseVaeConfig } from '../../model/config/vae-config.ts';
import { premultiply } from '../../model/layout/composite.ts';
import type { Box } from '../../model/layout/design-schema.ts';
import type { MrtManifest } from '../../model/manifest/manifest.ts';
import type { GridRect } from '../../model/tokens/token-plan.ts';
import { AutoencoderKLQwenImage, type VaeResult } from '../../model/vae/autoencoder-kl.ts';
import type { Planes } from '../../model/vae/planes.ts';
import { decodeRegion, encodeRegion } from '../../model/vae/region-codec.ts';
import { decoderActivations, encoderActivations } from '../../model/vae/network.ts';
import type { Tiling } from '../../model/vae/tiling.ts';
import type { Engine } from '../../runtime/engine.ts';
import { UsageError } from '../../runtime/errors.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { openWeightFolder } from '../../runtime/node/open-weights.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { f32Input, hasInput, isNumber, listInput, modelDirOf, tensorInput } from './case-inputs.ts';
import type { GoldenContext, GoldenHandler, GoldenPrecision, GoldenTensor } from './contract.ts';
import { caseManifest } from './kinds-mrt-cpu.ts';
import type { GoldenKinds } from './kinds.ts';

/*
 * Kinds that run the VAE: `vae_encode`, `vae_decode` of kinds-qwen.md, `mrt_encode`, `mrt_decode` of kinds-mrt.md.
 */

interface LoadedVae {
  readonly vae: AutoencoderKLQwenImage;
  readonly source: WeightSource;
}

/**
 * Handlers of the VAE's kinds. Engine and models are opened when the first case asks for them.
 *
 * @param open the engine to use; it stays its opener's. Absent: an engine of its own, on the best device at hand
 */
export function openVaeKinds(open?: () => Promise<Engine>): GoldenKinds {
  let engine: Promise<Engine> | undefined;
  const loaded = new Map<string, Promise<LoadedVae>>();

  const vaeOf = async (folder: string, precision: GoldenPrecision): Promise<AutoencoderKLQwenImage> => {
    engine ??= open ? open() : openEngine();
    const key = `${precision} ${folder}`;
    let entry = loaded.get(key);
    if (!entry) {
      entry = loadVae(await engine, folder, precision);
      loaded.set(key, entry);
    }
    return (await entry).vae;
  };

  const handlers = new Map<string, GoldenHandler>([
    ['vae_encode', (context) => runVae(context, 'pixels', vaeOf)],
    ['vae_decode', (context) => runVae(context, 'latents', vaeOf)],
    [
      'mrt_encode',
      async (context) => {
        const manifest = await caseManifest(context);
        const vae = await vaeOf(join(modelDirOf(context), manifest.folders.encoder), context.precision);
        return encodeCase(context, manifest, vae);
      },
    ],
    [
      'mrt_decode',
      async (context) => {
        const manifest = await caseManifest(context);
        const vae = await vaeOf(join(modelDirOf(context), manifest.folders.decoder), context.precision);
        return decodeCase(context, manifest, vae);
      },
    ],
  ]);
  return {
    handlers,
    async close() {
      // What could not be opened has been its case's failure and is nothing to close.
      for (const opened of await Promise.allSettled(loaded.values())) {
        if (opened.status === 'rejected') continue;
        await opened.value.vae.dispose();
        await opened.value.source.close();
      }
      loaded.clear();
      if (!open) (await engine?.catch(() => undefined))?.dispose();
      engine = undefined;
    },
  };
}

async function loadVae(engine: Engine, folder: string, precision: GoldenPrecision): Promise<LoadedVae> {
  const path = join(folder, 'config.json');
  const config = parseVaeConfig(await readFile(path), path);
  const source = await openWeightFolder(folder);
  const vae = AutoencoderKLQwenImage.open(engine, source, config, {
    precision: precision === 'f16' ? 'f16' : 'stored',
  });
  return { vae, source };
}

/** One sample after the other: samples are independent, and outputs of a batch are theirs in order. */
async function runVae(
  context: GoldenContext,
  inputName: 'pixels' | 'latents',
  vaeOf: (folder: string, precision: GoldenPrecision) => Promise<AutoencoderKLQwenImage>,
): Promise<ReadonlyMap<string, unknown>> {
  const vae = await vaeOf(join(modelDirOf(context), 'vae'), context.precision);
  const [batch, channels, height, width] = tensorInput(context, inputName).shape;
  const data = f32Input(context, inputName);
  const tiling = hasInput(context, 'tile') ? (context.input('tile') as Tiling) : undefined;
  const levels = vae.config.dimMult.length - 1;
  const keep = inputName === 'pixels' ? encoderActivations(levels) : decoderActivations(levels);
  const results: VaeResult[] = [];
  const count = channels * height * width;
  for (let sample = 0; sample < batch; sample++) {
    const input = { channels, height, width, data: data.subarray(sample * count, (sample + 1) * count) };
    results.push(
      await (inputName === 'pixels' ? vae.encode(input, { tiling, keep }) : vae.decode(input, { tiling, keep })),
    );
  }
  const outputs = new Map<string, unknown>();
  outputs.set(inputName === 'pixels' ? 'latents' : 'pixels', batchOf(results.map(({ planes }) => planes)));
  for (const name of results[0]?.kept.keys() ?? []) {
    if (outputs.has(name)) continue; // `pixels` before the clamp
    outputs.set(name, batchOf(results.flatMap(({ kept }) => kept.get(name) ?? [])));
  }
  return outputs;
}

function batchOf(samples: readonly Planes[]): GoldenTensor {
  const [{ channels, height, width }] = samples;
  const count = channels * height * width;
  const data = new Float32Array(samples.length * count);
  samples.forEach((sample, index) => data.set(sample.data, index * count));
  return { dtype: 'F32', shape: [samples.length, channels, height, width], data };
}

async function encodeCase(
  context: GoldenContext,
  manifest: MrtManifest,
  vae: AutoencoderKLQwenImage,
): Promise<ReadonlyMap<string, unknown>> {
  const box = listInput(context, 'box', isNumber) as unknown as Box;
  const { data } = tensorInput(context, 'pixels');
  const pixels =
    data instanceof Uint8Array ? Float32Array.from(data, (byte) => byte / 255) : f32Input(context, 'pixels');
  const region = rectInput(context, 'region');
  const latents = await encodeRegion(vae, manifest, { pixels, box, region, canvas: rectInput(context, 'canvas') });
  const shape = [vae.config.zDim, 2 * region.gh, 2 * region.gw];
  return new Map([['latents', { dtype: 'F32', shape, data: latents } satisfies GoldenTensor]]);
}

async function decodeCase(
  context: GoldenContext,
  manifest: MrtManifest,
  vae: AutoencoderKLQwenImage,
): Promise<ReadonlyMap<string, unknown>> {
  const region = rectInput(context, 'region');
  const { decoded, rgba } = await decodeRegion(vae, manifest, {
    latents: f32Input(context, 'latents'),
    region,
    canvas: rectInput(context, 'canvas'),
  });
  const { channels, height, width } = decoded;
  return new Map<string, GoldenTensor>([
    ['decoded', { dtype: 'F32', shape: [channels, height, width], data: decoded.data }],
    ['premultiplied', { dtype: 'F32', shape: [height, width, 4], data: premultiply(rgba) }],
  ]);
}

function rectInput(context: GoldenContext, name: string): GridRect {
  const value = context.input(name);
  const isRect = typeof value === 'object' && value !== null && ['gx0', 'gy0', 'gw', 'gh'].every((key) => key in value);
  if (!isRect)
    throw new UsageError(`golden: input "${name}" must be {gx0, gy0, gw, gh}, got ${JSON.stringify(value)}.`);
  return value as GridRect;
}

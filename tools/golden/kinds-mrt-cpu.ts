import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { compositeLayers, toWindow8 } from '../../model/layout/composite.ts';
import type { Box, LayeredDesign } from '../../model/layout/design-schema.ts';
import { mergeManifest, parseManifest } from '../../model/manifest/manifest.ts';
import type { MrtManifest } from '../../model/manifest/manifest.ts';
import { layerKey, layerNoise, layerNoiseWords } from '../../model/noise/layer-noise.ts';
import { planNoise } from '../../model/noise/plan-noise.ts';
import { packLatents, unpackLatents } from '../../model/tokens/pack.ts';
import { planImages } from '../../model/tokens/plan-images.ts';
import type { ImageShape } from '../../model/tokens/plan-images.ts';
import { planMrt } from '../../model/tokens/plan-mrt.ts';
import { rotationTable, textPositions } from '../../model/tokens/rotation-table.ts';
import type { TokenPlan } from '../../model/tokens/token-plan.ts';
import { LayoutError, UsageError } from '../../runtime/errors.ts';
import {
  choiceInput,
  hasInput,
  isNumber,
  listInput,
  modelDirOf,
  numberInput,
  stringInput,
  tensorInput,
} from './case-inputs.ts';
import type { GoldenContext, GoldenHandler, GoldenTensor } from './contract.ts';

/*
 * Kinds that are pure geometry and arithmetic: `mrt_plan`, `mrt_composite`, `mrt_noise` of kinds-mrt.md, `rope` and
 * `pack` of kinds-qwen.md.
 */

const tensor = (dtype: string, shape: readonly number[], data: GoldenTensor['data']): GoldenTensor => ({
  dtype,
  shape,
  data,
});

/** The manifest in force: defaults <- the model's `mrt.json` <- `inputs.manifest`. */
export async function caseManifest(context: GoldenContext): Promise<MrtManifest> {
  const path = join(modelDirOf(context), 'mrt.json');
  return mergeManifest(parseManifest(await readFile(path), path), context.input('manifest'));
}

/** The case's document as it stands: planning must name its faults itself, so it is not validated first. */
function documentOf(context: GoldenContext): LayeredDesign {
  return context.input('document') as LayeredDesign;
}

async function planCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const manifest = await caseManifest(context);
  let plan: TokenPlan;
  try {
    plan = planMrt(documentOf(context), manifest);
  } catch (error) {
    if (error instanceof LayoutError) return new Map([['error', error.rule]]);
    throw error;
  }
  const { numTokens } = plan;
  return new Map<string, unknown>([
    ['window', plan.window],
    ['canvas', plan.canvas],
    ['regions', plan.regions],
    ['quantizedBoxes', Object.fromEntries(plan.quantizedBoxes)],
    ['skipped', plan.skipped],
    ['predicted', plan.predicted],
    ['readOut', plan.readOut],
    ['textStart', plan.textStart],
    ['positions', tensor('I32', [numTokens, 3], plan.positions)],
    ['roles', tensor('I32', [numTokens], plan.roles)],
    ['modulationRows', tensor('I32', [numTokens], plan.modulationRows)],
    ['condFlags', tensor('I32', [numTokens], plan.condFlags)],
  ]);
}

interface LayerInput {
  readonly box: Box;
  readonly opacity: number;
}

const isLayerInput = (item: unknown): item is LayerInput =>
  typeof item === 'object' && item !== null && 'box' in item && 'opacity' in item;

async function compositeCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const [x0, y0, x1, y1] = listInput(context, 'canvas', isNumber);
  const [width, height] = listInput(context, 'window', isNumber);
  const canvas: Box = [x0, y0, x1, y1];
  const layers = listInput(context, 'layers', isLayerInput).map(({ box, opacity }, i) => {
    const { data } = tensorInput(context, `pixels.${i}`);
    if (!(data instanceof Uint8Array)) throw new UsageError(`golden: input "pixels.${i}" must be a U8 tensor.`);
    return { box, opacity, pixels: data };
  });
  const pixels = compositeLayers(layers, canvas);
  return new Map([
    ['canvas', tensor('F32', [y1 - y0, x1 - x0, 4], pixels)],
    ['window8', tensor('U8', [height, width, 4], Uint8Array.from(toWindow8(pixels, canvas, [width, height])))],
  ]);
}

interface NoiseRequest {
  readonly layerId: string | null;
  readonly region: { readonly gx0: number; readonly gy0: number; readonly gw: number; readonly gh: number };
  readonly stream: number;
}

const isNoiseRequest = (item: unknown): item is NoiseRequest =>
  typeof item === 'object' && item !== null && 'layerId' in item && 'region' in item;

async function noiseCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const seed = BigInt(stringInput(context, 'seed'));
  if (hasInput(context, 'document')) {
    const plan = planMrt(documentOf(context), await caseManifest(context));
    const tokens = planNoise(plan, seed, numberInput(context, 'stream'));
    return new Map([['tokens', tensor('F32', [plan.numPredicted, tokens.length / plan.numPredicted], tokens)]]);
  }
  const outputs = new Map<string, unknown>();
  for (const [i, request] of listInput(context, 'requests', isNoiseRequest).entries()) {
    const address = { ...request, seed };
    const shape = [16, 2 * request.region.gh, 2 * request.region.gw];
    outputs.set(`layerKey.${i}`, layerKey(request.layerId));
    outputs.set(`words.${i}`, tensor('I32', shape, new Int32Array(layerNoiseWords(address).buffer)));
    outputs.set(`noise.${i}`, tensor('F32', shape, layerNoise(address)));
  }
  return outputs;
}

const isShape = (item: unknown): item is ImageShape => Array.isArray(item) && item.length === 3 && item.every(isNumber);

async function ropeCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const variant = choiceInput(context, 'variant', ['base', 'layer3d'] as const);
  const axesDims = listInput(context, 'axes_dims_rope', isNumber);
  const theta = numberInput(context, 'theta');
  const textLength = numberInput(context, 'text_len');
  const plan = planImages(listInput(context, 'img_shapes', isShape), { variant });
  const image = rotationTable(plan.positions, axesDims, theta);
  const text = rotationTable(textPositions(plan.textStart, textLength), axesDims, theta);
  return new Map([
    ['img_cos', tensor('F32', [plan.numTokens, image.numAngles], image.cos)],
    ['img_sin', tensor('F32', [plan.numTokens, image.numAngles], image.sin)],
    ['txt_cos', tensor('F32', [textLength, text.numAngles], text.cos)],
    ['txt_sin', tensor('F32', [textLength, text.numAngles], text.sin)],
  ]);
}

async function packCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const { shape: dims, data } = tensorInput(context, 'latents');
  if (!(data instanceof Float32Array)) throw new UsageError('golden: input "latents" must be an F32 tensor.');
  const [batch, frames, channels, height, width] = dims;
  const shape = { batch, frames, channels, height, width };
  const packed = packLatents(data, shape);
  return new Map([
    ['packed', tensor('F32', [batch, (frames * height * width) / 4, 4 * channels], packed)],
    ['unpacked', tensor('F32', dims, unpackLatents(packed, shape))],
  ]);
}

/** Handlers by kind. */
export const MRT_CPU_KINDS: ReadonlyMap<string, GoldenHandler> = new Map<string, GoldenHandler>([
  ['mrt_plan', planCase],
  ['mrt_composite', compositeCase],
  ['mrt_noise', noiseCase],
  ['rope', ropeCase],
  ['pack', packCase],
]);

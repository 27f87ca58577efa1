import { Denoiser } from '../../model/denoise/denoiser.ts';
import { premultiply } from '../../model/layout/composite.ts';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { planJob, type MrtJob } from '../../model/pipeline/mrt-job.ts';
import { jobNoise } from '../../model/pipeline/mrt-noise.ts';
import { MrtPipeline, spreadPredicted } from '../../model/pipeline/mrt-pipeline.ts';
import { decodeGenerated, type GivenPictures } from '../../model/pipeline/mrt-pixels.ts';
import type { Picture } from '../../model/pipeline/picture.ts';
import { QwenImagePipeline, type PlanarImage } from '../../model/pipeline/qwen-pipeline.ts';
import type { TextFeatures } from '../../model/text/text-encoder.ts';
import { splitTemplate } from '../../model/text/templates.ts';
import { planImages } from '../../model/tokens/plan-images.ts';
import { joinTokens, numTokensOf, predictedTokens } from '../../model/tokens/region-tokens.ts';
import { rectPixels } from '../../model/tokens/grid.ts';
import type { Engine } from '../../runtime/engine.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import {
  booleanInput,
  choiceInput,
  f32Input,
  hasInput,
  isNumber,
  listInput,
  modelDirOf,
  numberInput,
  optionalString,
  stringInput,
  tensorInput,
} from './case-inputs.ts';
import type { GoldenContext, GoldenHandler } from './contract.ts';
import type { GoldenKinds } from './kinds.ts';
import { f32Tensor, isImageShape } from './kinds-gpu-transformer.ts';
import { LoadedModels, weightPrecisionOf } from './loaded-models.ts';

/*
 * Kinds that run a whole loop: `student`, `pipeline_t2i`, `pipeline_layered` of kinds-qwen.md; `mrt_denoise` and the features
 * of `mrt_prompt` of kinds-mrt.md.
 */

/** Handlers of the loops' kinds. @param open the engine to use; absent: an engine of its own */
export function openDenoiseKinds(open?: () => Promise<Engine>): GoldenKinds {
  const models = new LoadedModels(open);
  return {
    handlers: new Map<string, GoldenHandler>([
      ['student', (context) => studentCase(context, models)],
      ['pipeline_t2i', (context) => textToImageCase(context, models)],
      ['pipeline_layered', (context) => layeredCase(context, models)],
      ['mrt_denoise', (context) => mrtDenoiseCase(context, models)],
      ['mrt_prompt', (context) => mrtFeaturesCase(context, models)],
    ]),
    close: () => models.close(),
  };
}

async function studentCase(context: GoldenContext, models: LoadedModels): Promise<ReadonlyMap<string, unknown>> {
  const model = await models.of(context);
  const transformer = await model.transformer();
  const { config } = transformer;
  const initial = tensorInput(context, 'initial_latents');
  const [, count, channels] = initial.shape;
  const condition = hasInput(context, 'condition_latents')
    ? f32Input(context, 'condition_latents')
    : new Float32Array();
  const text = tensorInput(context, 'encoder_hidden_states');
  const form = choiceInput(context, 'form', ['euler', 'renoise'] as const);
  const plan = planImages(listInput(context, 'img_shapes', isImageShape), {
    variant: config.useLayer3dRope ? 'layer3d' : 'base',
    zeroCondT: config.zeroCondT,
  });
  const noises = form === 'renoise' ? f32Input(context, 'noises') : new Float32Array();
  const conditionIndex = config.useAdditionalTCond
    ? Number(tensorInput(context, 'additional_t_cond').data[0])
    : undefined;
  const denoiser = await Denoiser.prepare(model.engine, transformer, {
    plan: { ...plan, predicted: [[0, count]] },
    sigmas: f32Input(context, 'sigmas'),
    text: { data: f32Input(context, 'encoder_hidden_states'), length: text.shape[1], width: text.shape[2] },
    form,
    predicts: 'eps-z0',
    ...(conditionIndex !== undefined ? { additionalTCond: conditionIndex } : {}),
  });
  const outputs = new Map<string, unknown>();
  const tokens = new Float32Array(plan.numTokens * channels);
  tokens.set(f32Input(context, 'initial_latents'));
  tokens.set(condition, count * channels);
  await denoiser.run({
    tokens,
    fresh: (step) =>
      spreadFirst(noises.subarray(step * count * channels, (step + 1) * count * channels), tokens.length),
    onStep: async ({ step }) => {
      const now = await denoiser.readTokens();
      outputs.set(`latents.${step}`, f32Tensor([1, count, channels], now.slice(0, count * channels)));
    },
  });
  denoiser.dispose();
  return outputs;
}

function spreadFirst(rows: Float32Array, length: number): Float32Array {
  const all = new Float32Array(length);
  all.set(rows);
  return all;
}

async function pipelineOf(
  context: GoldenContext,
  models: LoadedModels,
): Promise<{ pipeline: QwenImagePipeline; readonly close: () => Promise<void> }> {
  const checkpoint = await Checkpoint.open(await modelFolder(modelDirOf(context)));
  const pipeline = await QwenImagePipeline.open(await models.engine(), checkpoint, {
    precision: weightPrecisionOf(context.precision),
  });
  return {
    pipeline,
    close: async () => {
      await pipeline.dispose();
      await checkpoint.close();
    },
  };
}

/** Options that both stock pipelines take, and a collector of the latents after each step. */
function commonOptions(
  context: GoldenContext,
  outputs: Map<string, unknown>,
  rowsOf: (tokens: Float32Array) => Float32Array,
) {
  const template = stringInput(context, 'template');
  const negativePrompt = optionalString(context, 'negativePrompt');
  return {
    prompt: stringInput(context, 'prompt'),
    ...(negativePrompt !== undefined ? { negativePrompt } : {}),
    template: { text: template, dropped: splitTemplate(template)[0] },
    maxSequenceLength: numberInput(context, 'maxSequenceLength'),
    trueCfgScale: numberInput(context, 'trueCfgScale'),
    steps: numberInput(context, 'numInferenceSteps'),
    ...(hasInput(context, 'sigmas') ? { sigmas: listInput(context, 'sigmas', isNumber) } : {}),
    seed: numberInput(context, 'seed'),
    onStep: async ({ step }: { step: number }, tokens: () => Promise<Float32Array>) => {
      const rows = rowsOf(await tokens());
      outputs.set(`latents.${step}`, rows);
    },
  };
}

async function textToImageCase(context: GoldenContext, models: LoadedModels): Promise<ReadonlyMap<string, unknown>> {
  const { pipeline, close } = await pipelineOf(context, models);
  const outputs = new Map<string, unknown>();
  const { image, trace } = await pipeline.generate({
    ...commonOptions(context, outputs, (tokens) => tokens),
    width: numberInput(context, 'width'),
    height: numberInput(context, 'height'),
  });
  await close();
  const packed = [1, (image.width / 16) * (image.height / 16)];
  const depth = trace.initialLatents.length / packed[1];
  const latent = (data: Float32Array) => f32Tensor([...packed, depth], data);
  for (const [name, data] of outputs) outputs.set(name, latent(data as Float32Array));
  outputs.set('initial_latents', latent(trace.initialLatents));
  outputs.set('prompt_embeds', featuresTensor(trace.promptEmbeds));
  if (trace.negativePromptEmbeds) outputs.set('negative_prompt_embeds', featuresTensor(trace.negativePromptEmbeds));
  outputs.set('image', f32Tensor([image.height, image.width, image.channels], interleave(image)));
  return outputs;
}

function featuresTensor({ data, length, width }: TextFeatures) {
  return f32Tensor([1, length, width], data);
}

/** [C, H, W] to [H, W, C]. */
function interleave({ channels, width, height, data }: PlanarImage): Float32Array {
  const pixels = width * height;
  return Float32Array.from({ length: data.length }, (_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]);
}

async function layeredCase(context: GoldenContext, models: LoadedModels): Promise<ReadonlyMap<string, unknown>> {
  const { pipeline, close } = await pipelineOf(context, models);
  const outputs = new Map<string, unknown>();
  const image = tensorInput(context, 'image');
  const [height, width] = image.shape;
  const layers = numberInput(context, 'layers');
  const count = (width / 16) * (height / 16);
  const result = await pipeline.decompose({
    ...commonOptions(context, outputs, (tokens) => tokens.slice(0, (tokens.length / (layers + 2)) * (layers + 1))),
    image: { width, height, data: image.data as Uint8Array },
    layers,
    cfgNormalize: booleanInput(context, 'cfgNormalize'),
  });
  await close();
  const { trace } = result;
  const depth = trace.initialLatents.length / ((layers + 1) * count);
  const latent = (data: Float32Array) => f32Tensor([1, data.length / depth, depth], data);
  for (const [name, data] of outputs) outputs.set(name, latent(data as Float32Array));
  outputs.set('initial_latents', latent(trace.initialLatents));
  outputs.set('condition_latents', latent(trace.conditionLatents ?? new Float32Array()));
  const stacked = new Float32Array(layers * 4 * width * height);
  result.layers.forEach((layer, i) => stacked.set(interleave(layer), i * 4 * width * height));
  outputs.set('layers', f32Tensor([layers, height, width, 4], stacked));
  return outputs;
}

async function mrtPipelineOf(context: GoldenContext, models: LoadedModels): Promise<MrtPipeline> {
  const { engine, checkpoint, precision } = await models.of(context);
  return MrtPipeline.open(engine, checkpoint, { precision, manifest: context.input('manifest') });
}

async function mrtFeaturesCase(context: GoldenContext, models: LoadedModels): Promise<ReadonlyMap<string, unknown>> {
  const pipeline = await mrtPipelineOf(context, models);
  const design = context.input('document') as LayeredDesign;
  const { text } = await pipeline.encodeText({ design, cfgScale: 1 } as MrtJob);
  return new Map([['features', f32Tensor([text.length, text.width], text.data)]]);
}

async function mrtDenoiseCase(context: GoldenContext, models: LoadedModels): Promise<ReadonlyMap<string, unknown>> {
  const { engine } = await models.of(context);
  const pipeline = await mrtPipelineOf(context, models);
  const job = planJob(context.input('document') as LayeredDesign, pipeline.manifest);
  const { plan } = job;
  const transformer = await pipeline.transformer();
  const depth = transformer.config.inChannels;
  const outputs = new Map<string, unknown>([
    ['sigmas', { dtype: 'F64', shape: [job.sigmas.length], data: job.sigmas }],
  ]);
  const given = givenPictures(context, job);
  const clean = hasInput(context, 'clean') ? f32Input(context, 'clean') : await pipeline.encodeGiven(job, given);
  const text = hasInput(context, 'text')
    ? {
        text: featuresInput(context, 'text'),
        negative: hasInput(context, 'negative') ? featuresInput(context, 'negative') : undefined,
      }
    : await pipeline.encodeText(job);
  const noise = jobNoise(job, depth);
  const tokens = joinTokens(plan, hasInput(context, 'noise') ? f32Input(context, 'noise') : noise(0), clean, depth);
  outputs.set('noise', f32Tensor([plan.numPredicted, depth], predictedTokens(plan, tokens)));
  outputs.set('text', f32Tensor([text.text.length, text.text.width], text.text.data));
  if (text.negative)
    outputs.set('negative', f32Tensor([text.negative.length, text.negative.width], text.negative.data));
  const fresh = hasInput(context, 'fresh') ? f32Input(context, 'fresh') : undefined;
  const denoiser = await Denoiser.prepare(engine, transformer, pipeline.denoiseSpec(job, text, transformer));
  const rows = plan.numPredicted * depth;
  const final = await denoiser.run({
    tokens,
    fresh: (step) =>
      spreadPredicted(plan, fresh ? fresh.subarray(step * rows, (step + 1) * rows) : noise(step + 1), depth),
    onStep: async ({ step }) => {
      outputs.set(
        `latents.${step}`,
        f32Tensor([plan.numPredicted, depth], predictedTokens(plan, await denoiser.readTokens())),
      );
    },
  });
  denoiser.dispose();
  outputs.set('clean', f32Tensor([numTokensOf(plan, 'given'), depth], givenTokens(job, final, depth)));
  const wantsPixels = [...context.expected].some((name) => name === 'merged' || name.startsWith('layer.'));
  if (!wantsPixels) return outputs;
  const generated = await decodeGenerated(job, predictedTokens(plan, final), await pipeline.vae('decoder'));
  for (const layer of generated) {
    const [x0, y0, x1, y1] = layer.box;
    outputs.set(`layer.${layer.id}`, f32Tensor([y1 - y0, x1 - x0, 4], premultiply(layer.pixels)));
  }
  const canvas = rectPixels(plan.canvas);
  const merged = pipeline.merge(job, given, generated);
  outputs.set('merged', f32Tensor([canvas[3] - canvas[1], canvas[2] - canvas[0], 4], merged));
  return outputs;
}

function featuresInput(context: GoldenContext, name: string): TextFeatures {
  const tensor = tensorInput(context, name);
  const [length, width] = tensor.shape.slice(-2);
  return { data: f32Input(context, name), length, width };
}

/** Tokens that are not predicted, in plan order. */
function givenTokens(job: MrtJob, tokens: Float32Array, depth: number): Float32Array {
  const regions = job.plan.regions.filter((region) => region.role !== 'noise');
  const out = new Float32Array(regions.reduce((sum, region) => sum + region.length, 0) * depth);
  let at = 0;
  for (const { start, length } of regions) {
    out.set(tokens.subarray(start * depth, (start + length) * depth), at);
    at += length * depth;
  }
  return out;
}

function givenPictures(context: GoldenContext, job: MrtJob): GivenPictures {
  const picture = (name: string): Picture | undefined => {
    if (!hasInput(context, name)) return undefined;
    const { shape, data } = tensorInput(context, name);
    return { width: shape[1], height: shape[0], data: data as Uint8Array };
  };
  const byLayer = (kind: string): Map<string, Picture> => {
    const found = new Map<string, Picture>();
    for (const id of job.leaves.keys()) {
      const own = picture(`pixels.${kind}.${id}`);
      if (own) found.set(id, own);
    }
    return found;
  };
  return { image: picture('pixels.image'), sources: byLayer('source'), references: byLayer('reference') };
}

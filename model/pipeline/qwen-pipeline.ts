import type { Engine } from '../../runtime/engine.ts';
import { ConfigError, UsageError } from '../../runtime/errors.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { Denoiser, type DenoiseSpec, type StepReport } from '../denoise/denoiser.ts';
import type { QwenImageTransformer2DModel } from '../mmdit/transformer.ts';
import { FlowMatchEulerDiscreteScheduler, layeredMu, textToImageMu } from '../sampler/flow-match-euler.ts';
import { TorchRng } from '../sampler/torch-rng.ts';
import { tokenizePrompt } from '../text/prompts.ts';
import { TEXT_TO_IMAGE_TEMPLATE, type PromptTemplate } from '../text/templates.ts';
import type { Qwen2_5TextEncoder, TextFeatures } from '../text/text-encoder.ts';
import type { QwenTokenizer } from '../text/tokenizer.ts';
import { packLatents, unpackLatents } from '../tokens/pack.ts';
import { planLayered, planTextToImage } from '../tokens/plan-images.ts';
import type { TokenPlan } from '../tokens/token-plan.ts';
import type { AutoencoderKLQwenImage } from '../vae/autoencoder-kl.ts';
import type { W8A8Options, WeightPrecision } from '../weight-precision.ts';
import { checkPicture, type Picture } from './picture.ts';

/** Pixels per side of a token in these pipelines: VAE stride 8 x patch 2. */
const TOKEN_PIXELS = 16;

/** Settings that text-to-image and decomposition share; defaults are the reference pipelines'. */
export interface QwenRunOptions {
  readonly prompt: string;
  /** Guidance is on where this is given and `trueCfgScale` > 1. */
  readonly negativePrompt?: string;
  /** Default 4. */
  readonly trueCfgScale?: number;
  /** Default 50. */
  readonly steps?: number;
  /** Own noise levels before the scheduler's shift, falling from 1, without the last 0. Their count takes the place of `steps`. */
  readonly sigmas?: readonly number[];
  /** Of torch's CPU generator. Default 0. */
  readonly seed?: number;
  readonly template?: PromptTemplate;
  /** Text rows kept at most. Default 512. */
  readonly maxSequenceLength?: number;
  readonly onStep?: (report: StepReport, tokens: () => Promise<Float32Array>) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** What a run shows besides its pictures: for tests and research. */
export interface QwenTrace {
  readonly promptEmbeds: TextFeatures;
  readonly negativePromptEmbeds: TextFeatures | undefined;
  /** f32 [S, 4z], packed. */
  readonly initialLatents: Float32Array;
  readonly conditionLatents: Float32Array | undefined;
}

/** Channel-planar pixels in 0..1. */
export interface PlanarImage {
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  /** [channels, height, width]. */
  readonly data: Float32Array;
}

/** The stock pipelines of the family on one checkpoint: Qwen-Image (text to image) and Qwen-Image-Layered. */
export class QwenImagePipeline {
  readonly #engine: Engine;
  readonly #checkpoint: Checkpoint;
  readonly #transformer: QwenImageTransformer2DModel;
  readonly #textEncoder: Qwen2_5TextEncoder;
  readonly #tokenizer: QwenTokenizer;
  readonly #vae: AutoencoderKLQwenImage;
  readonly #scheduler: FlowMatchEulerDiscreteScheduler;

  private constructor(
    engine: Engine,
    checkpoint: Checkpoint,
    parts: {
      transformer: QwenImageTransformer2DModel;
      textEncoder: Qwen2_5TextEncoder;
      tokenizer: QwenTokenizer;
      vae: AutoencoderKLQwenImage;
      scheduler: FlowMatchEulerDiscreteScheduler;
    },
  ) {
    this.#engine = engine;
    this.#checkpoint = checkpoint;
    this.#transformer = parts.transformer;
    this.#textEncoder = parts.textEncoder;
    this.#tokenizer = parts.tokenizer;
    this.#vae = parts.vae;
    this.#scheduler = parts.scheduler;
  }

  /** Opens all parts. The checkpoint stays the caller's to close. */
  static async open(
    engine: Engine,
    checkpoint: Checkpoint,
    options: { precision?: WeightPrecision; w8a8?: W8A8Options; signal?: AbortSignal } = {},
  ): Promise<QwenImagePipeline> {
    const { precision = 'stored', w8a8 = {}, signal } = options;
    return new QwenImagePipeline(engine, checkpoint, {
      transformer: await checkpoint.transformer(engine, { precision, w8a8 }, signal),
      textEncoder: await checkpoint.textEncoder(engine, precision, signal),
      tokenizer: await checkpoint.tokenizer(signal),
      vae: await checkpoint.vae(engine, 'decoder', { precision }, signal),
      scheduler: new FlowMatchEulerDiscreteScheduler(await checkpoint.schedulerConfig()),
    });
  }

  /**
   * Text to image (QwenImagePipeline): guidance always keeps each token's norm.
   *
   * @param options.width, options.height multiples of 16
   */
  async generate(
    options: QwenRunOptions & { width: number; height: number },
  ): Promise<{ image: PlanarImage; trace: QwenTrace }> {
    const { width, height } = options;
    for (const [name, side] of Object.entries({ width, height }))
      if (!Number.isInteger(side) || side < TOKEN_PIXELS || side % TOKEN_PIXELS !== 0)
        throw new UsageError(
          `generate: ${name} ${side} is not a multiple of ${TOKEN_PIXELS}. Nearest: ${Math.max(1, Math.round(side / TOKEN_PIXELS)) * TOKEN_PIXELS}.`,
        );
    const [gh, gw] = [height / TOKEN_PIXELS, width / TOKEN_PIXELS];
    const plan = planTextToImage({ gh, gw }, this.#planOptions());
    const { config } = this.#scheduler;
    const { sigmas } = this.#scheduler.schedule(options.sigmas?.length ?? options.steps ?? 50, {
      ...(config.dynamicShifting ? { mu: textToImageMu(config, gh * gw) } : {}),
      grid: options.sigmas ?? 'one-to-inverse-n',
    });
    const shape = { batch: 1, frames: 1, channels: this.#vae.config.zDim, height: 2 * gh, width: 2 * gw };
    const { tokens, trace } = await this.#denoise(options, plan, sigmas, shape, new Float32Array(), 'perToken');
    const latents = unpackLatents(tokens, shape);
    return { image: await this.#decode(latents, shape.height, shape.width, options.signal), trace };
  }

  /**
   * Qwen-Image-Layered: one picture to `layers` full-size RGBA layers, bottom first. The regenerated composite (frame 0)
   * is dropped.
   *
   * @param options.image straight RGBA, sides multiples of 16
   */
  async decompose(
    options: QwenRunOptions & { image: Picture; layers: number; cfgNormalize?: boolean },
  ): Promise<{ layers: PlanarImage[]; trace: QwenTrace }> {
    const { image, layers } = options;
    if (this.#vae.config.inputChannels !== 4)
      throw new ConfigError(
        `${this.#checkpoint.name}: decomposition needs a VAE with alpha (4 channels), this one has 3.`,
        {
          rule: 'channels',
          path: this.#checkpoint.name,
        },
      );
    checkPicture(image, 'decompose: image');
    if (image.width % TOKEN_PIXELS !== 0 || image.height % TOKEN_PIXELS !== 0)
      throw new UsageError(
        `decompose: sides must be multiples of ${TOKEN_PIXELS}, got ${image.width} x ${image.height}.`,
      );
    if (!Number.isInteger(layers) || layers < 1)
      throw new UsageError(`decompose: layers must be an integer >= 1, got ${layers}.`);
    const [gh, gw] = [image.height / TOKEN_PIXELS, image.width / TOKEN_PIXELS];
    const pixels = image.width * image.height;
    const planes = new Float32Array(4 * pixels);
    for (let i = 0; i < pixels; i++)
      for (let c = 0; c < 4; c++) planes[c * pixels + i] = (image.data[4 * i + c] / 255) * 2 - 1;
    const encoded = await this.#vae.encode({ channels: 4, height: image.height, width: image.width, data: planes });
    const one = { batch: 1, frames: 1, channels: this.#vae.config.zDim, height: 2 * gh, width: 2 * gw };
    const condition = packLatents(encoded.planes.data, one);
    const plan = planLayered({ layers, gh, gw, condition: { gh, gw } }, this.#planOptions());
    const { sigmas } = this.#scheduler.schedule(options.sigmas?.length ?? options.steps ?? 50, {
      mu: layeredMu(gh * gw),
      grid: options.sigmas ?? 'one-to-zero',
    });
    const shape = { ...one, frames: layers + 1 };
    const rescale = options.cfgNormalize ? 'perToken' : 'none';
    const { tokens, trace } = await this.#denoise(options, plan, sigmas, shape, condition, rescale);
    const latents = unpackLatents(tokens.subarray(0, tokens.length - condition.length), shape);
    const frame = one.channels * one.height * one.width;
    const made: PlanarImage[] = [];
    for (let layer = 1; layer <= layers; layer++)
      made.push(
        await this.#decode(latents.slice(layer * frame, (layer + 1) * frame), one.height, one.width, options.signal),
      );
    return { layers: made, trace };
  }

  /** How this checkpoint lays pictures out. */
  #planOptions(): { readonly zeroCondT: boolean; readonly variant: 'base' | 'layer3d' } {
    const { zeroCondT, useLayer3dRope } = this.#transformer.config;
    return { zeroCondT, variant: useLayer3dRope ? 'layer3d' : 'base' };
  }

  async #denoise(
    options: QwenRunOptions,
    plan: TokenPlan,
    sigmas: Float32Array,
    shape: Parameters<typeof packLatents>[1],
    condition: Float32Array,
    rescale: DenoiseSpec['rescale'],
  ): Promise<{ tokens: Float32Array; trace: QwenTrace }> {
    const { signal } = options;
    const text = await this.encodePrompt(options.prompt, options);
    const cfgScale = options.trueCfgScale ?? 4;
    const negative =
      cfgScale > 1 && options.negativePrompt !== undefined
        ? await this.encodePrompt(options.negativePrompt, options)
        : undefined;
    const count = shape.frames * shape.channels * shape.height * shape.width;
    const initialLatents = packLatents(new TorchRng(options.seed ?? 0).randn(count, 'f32'), shape);
    const tokens = new Float32Array(initialLatents.length + condition.length);
    tokens.set(initialLatents);
    tokens.set(condition, initialLatents.length);
    const denoiser = await Denoiser.prepare(
      this.#engine,
      this.#transformer,
      {
        plan,
        sigmas,
        text,
        ...(negative ? { negative, cfgScale, rescale } : {}),
        form: 'euler',
        predicts: 'eps-z0',
        ...(this.#transformer.config.useAdditionalTCond ? { additionalTCond: 0 } : {}),
      },
      signal,
    );
    try {
      const { onStep } = options;
      const done = await denoiser.run({
        tokens,
        ...(signal ? { signal } : {}),
        ...(onStep ? { onStep: (report, running) => onStep(report, () => running.readTokens()) } : {}),
      });
      const trace: QwenTrace = {
        promptEmbeds: text,
        negativePromptEmbeds: negative,
        initialLatents,
        conditionLatents: condition.length > 0 ? condition : undefined,
      };
      return { tokens: done, trace };
    } finally {
      denoiser.dispose();
    }
  }

  /** Text features of a prompt: template filled, encoded, prefix dropped, cut to the maximum. */
  async encodePrompt(
    prompt: string,
    options: Pick<QwenRunOptions, 'template' | 'maxSequenceLength' | 'signal'>,
  ): Promise<TextFeatures> {
    const template = options.template ?? TEXT_TO_IMAGE_TEMPLATE;
    const limits = options.maxSequenceLength === undefined ? {} : { maxTokens: options.maxSequenceLength };
    const { ids, dropTokens, maxTokens } = tokenizePrompt(this.#tokenizer, template, prompt, limits);
    const { data, length, width } = await this.#textEncoder.encode(
      ids,
      options.signal ? { signal: options.signal } : {},
    );
    const kept = Math.min(maxTokens, length - dropTokens);
    return { data: data.slice(dropTokens * width, (dropTokens + kept) * width), length: kept, width };
  }

  async #decode(latents: Float32Array, height: number, width: number, signal?: AbortSignal): Promise<PlanarImage> {
    const { planes } = await this.#vae.decode(
      { channels: this.#vae.config.zDim, height, width, data: latents },
      signal ? { signal } : {},
    );
    return { ...planes, data: planes.data.map((value) => Math.min(1, Math.max(0, value / 2 + 0.5))) };
  }

  /** Frees weights and programs. */
  async dispose(): Promise<void> {
    await this.#transformer.dispose();
    await this.#textEncoder.dispose();
    await this.#vae.dispose();
  }
}

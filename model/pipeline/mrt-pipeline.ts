import type { Engine } from '../../runtime/engine.ts';
import { ConfigError } from '../../runtime/errors.ts';
import { condEmbeddingLength, type Checkpoint } from '../checkpoint/checkpoint.ts';
import { parseCacheConfig, type CacheConfig } from '../cache/cache-config.ts';
import { cacheRunnerOf } from '../cache/cache-runner.ts';
import { Denoiser, type PassRunner, type StepReport } from '../denoise/denoiser.ts';
import type { ModulationMode } from '../denoise/modulation-feed.ts';
import type { LayeredDesign } from '../layout/design-schema.ts';
import { mergeManifest, type MrtManifest } from '../manifest/manifest.ts';
import { hookedRunner, type BlockHook } from '../hooks/block-hooks.ts';
import type { AttentionMaps } from '../mmdit/transformer-program.ts';
import type { QwenImageTransformer2DModel } from '../mmdit/transformer.ts';
import {
  regionalNegativeText,
  regionalPromptText,
  tokenizeRegionalPrompt,
  type TokenizedPrompt,
} from '../text/prompts.ts';
import type { Qwen2_5TextEncoder, TextFeatures } from '../text/text-encoder.ts';
import type { QwenTokenizer } from '../text/tokenizer.ts';
import { samplerOf, type SamplerFactory } from '../sampler/custom-sampler.ts';
import { joinTokens, predictedTokens } from '../tokens/region-tokens.ts';
import type { TokenPlan } from '../tokens/token-plan.ts';
import type { AutoencoderKLQwenImage } from '../vae/autoencoder-kl.ts';
import type { W8A8Options, WeightPrecision } from '../weight-precision.ts';
import { jobNoise } from './mrt-noise.ts';
import { planJob, type MrtJob, type SamplingOptions } from './mrt-job.ts';
import {
  decodeComposed,
  decodeGenerated,
  encodeGiven,
  loadPictures,
  mergeLayers,
  type GeneratedLayer,
  type GivenPictures,
} from './mrt-pixels.ts';
import { planRefinement, refineGenerated } from './mrt-refine.ts';
import { buildResult, type LayeredResult, type LayerStack } from './mrt-result.ts';
import type { PictureLoader } from './picture.ts';
import { Run, type RunContext } from './run.ts';

/** How to open a regional checkpoint. */
export interface MrtPipelineOptions {
  readonly precision?: WeightPrecision;
  /** Of precision `w8a8`: which blocks it leaves alone, and whether it rotates. */
  readonly w8a8?: W8A8Options;
  /** Put over the checkpoint's manifest: a research knob. */
  readonly manifest?: unknown;
}

/** One run. */
export interface MrtRunOptions extends SamplingOptions {
  /** Fetches the pixels that the design names; needed by every task but t2l. */
  readonly pictures?: PictureLoader;
  /** Step cache, e.g. `{ preset: 'fast' }`; `recommended`: what the checkpoint's manifest names under `cache`, if anything. */
  readonly cache?: CacheConfig | 'recommended';
  /** Makes the runner of transformer passes where `cache` is not enough; called once a run. */
  readonly runner?: (denoiser: Denoiser, job: MrtJob) => PassRunner | Promise<PassRunner>;
  /** Looks into the network, with and without `cache`: see model/hooks. */
  readonly hooks?: readonly BlockHook[];
  /** Attention maps that the passes write out for hooks to read. */
  readonly attentionMaps?: AttentionMaps;
  /** `perStep` computes the modulation vectors inside the loop, with their weights resident; the result is the same. */
  readonly modulation?: ModulationMode;
  /**
   * Of image-to-layers: whether edges and colours of the layers are made to agree with the picture after decoding (model/refine).
   * Default: what the checkpoint's manifest says under `i2lRefine`.
   */
  readonly refine?: boolean;
  /** A sampler in place of the form, or the name of a registered one. */
  readonly sampler?: string | SamplerFactory;
  /** Called with the tokens after every step, f32 [N, C]: one readback a step. */
  readonly onTokens?: (step: number, tokens: Float32Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** What a run tells on its way. */
export type MrtEvent =
  | { readonly type: 'phase'; readonly phase: 'load' | 'text' | 'encode' | 'denoise' | 'decode' | 'refine' }
  | ({ readonly type: 'step'; readonly etaMs: number } & StepReport)
  | { readonly type: 'layer'; readonly id: string; readonly index: number; readonly total: number }
  | { readonly type: 'warning'; readonly message: string };

/** Text features of both passes; `negative` only with guidance. */
export interface JobText {
  readonly text: TextFeatures;
  readonly negative: TextFeatures | undefined;
}

/**
 * The regional pipeline (MRT): a design with a task in, layers out. All four tasks take this one way: what is given is
 * encoded, what is wanted starts as noise, the network sees the plan of tokens, the decoder sees each region.
 *
 * Runs queue: one at a time. Parts of the checkpoint are loaded when they are first needed.
 */
export class MrtPipeline {
  readonly manifest: MrtManifest;
  readonly #engine: Engine;
  readonly #checkpoint: Checkpoint;
  readonly #precision: WeightPrecision;
  readonly #w8a8: W8A8Options;
  #queue: Promise<unknown> = Promise.resolve();
  #transformer: Promise<QwenImageTransformer2DModel> | undefined;
  #textEncoder: Promise<Qwen2_5TextEncoder> | undefined;
  #tokenizer: Promise<QwenTokenizer> | undefined;
  readonly #vaes = new Map<string, Promise<AutoencoderKLQwenImage>>();

  private constructor(engine: Engine, checkpoint: Checkpoint, options: MrtPipelineOptions) {
    this.#engine = engine;
    this.#checkpoint = checkpoint;
    this.#precision = options.precision ?? 'stored';
    this.#w8a8 = options.w8a8 ?? {};
    this.manifest = mergeManifest(checkpoint.manifest, options.manifest);
  }

  /** @throws ConfigError `not-regional` if the checkpoint has no mrt.json */
  static open(engine: Engine, checkpoint: Checkpoint, options: MrtPipelineOptions = {}): MrtPipeline {
    if (checkpoint.kind !== 'mrt')
      throw new ConfigError(
        `${checkpoint.name}: a regional task needs a checkpoint with mrt.json, this one is for ${checkpoint.kind}.`,
        { rule: 'not-regional', path: checkpoint.name },
      );
    return new MrtPipeline(engine, checkpoint, options);
  }

  /** Validates and plans without running: tokens, regions, noise levels. @throws LayoutError */
  plan(design: LayeredDesign, options: SamplingOptions = {}): MrtJob {
    return planJob(design, this.manifest, options);
  }

  /** Runs the design's task. The run starts at once; `await` it, or read its events. */
  run(design: LayeredDesign, options: MrtRunOptions = {}): Run<LayeredResult, MrtEvent> {
    return new Run((context) => this.#enqueue(() => this.#run(design, options, context)), options.signal);
  }

  async #run(design: LayeredDesign, options: MrtRunOptions, context: RunContext<MrtEvent>): Promise<LayeredResult> {
    const started = performance.now();
    const { signal } = context;
    const phase = (name: (MrtEvent & { type: 'phase' })['phase']): void => context.emit({ type: 'phase', phase: name });
    const job = this.plan(design, options);
    for (const { id, reason } of job.plan.skipped)
      context.emit({ type: 'warning', message: `layer "${id}" takes no part: ${reason}.` });
    const refinement = planRefinement(job, options.refine);
    const given = await loadPictures(job, options.pictures ?? refusePictures, signal);

    phase('load');
    const transformer = await this.transformer(signal);
    phase('text');
    const text = await this.encodeText(job, signal);
    phase('encode');
    const clean = await this.encodeGiven(job, given, signal);
    phase('denoise');
    const denoiser = await Denoiser.prepare(
      this.#engine,
      transformer,
      {
        ...this.denoiseSpec(job, text, transformer),
        ...(options.attentionMaps ? { attentionMaps: options.attentionMaps } : {}),
        ...(options.modulation ? { modulation: options.modulation } : {}),
      },
      signal,
    );
    let tokens: Float32Array;
    try {
      const loopStarted = performance.now();
      const runner = (await options.runner?.(denoiser, job)) ?? (await this.#ownRunner(denoiser, options, signal));
      const { sampler, onTokens } = options;
      const { inChannels } = transformer.config;
      const noise = jobNoise(job, inChannels);
      tokens = await denoiser.run({
        tokens: joinTokens(job.plan, noise(0), clean, inChannels),
        fresh: (step) => spreadPredicted(job.plan, noise(step + 1), inChannels),
        signal,
        ...(runner ? { runner } : {}),
        ...(sampler ? { sampler: typeof sampler === 'string' ? samplerOf(sampler) : sampler } : {}),
        onStep: async (report, loop) => {
          const perStep = (performance.now() - loopStarted) / (report.step + 1);
          context.emit({ type: 'step', ...report, etaMs: perStep * (report.numSteps - report.step - 1) });
          if (onTokens) await onTokens(report.step, await loop.readTokens());
        },
      });
    } finally {
      denoiser.dispose();
    }

    phase('decode');
    const total = job.plan.readOut.length;
    const decoder = await this.vae('decoder', signal);
    const predicted = predictedTokens(job.plan, tokens);
    const generated = await decodeGenerated(job, predicted, decoder, {
      signal,
      onLayer: (layer, index) => context.emit({ type: 'layer', id: layer.id, index, total }),
    });
    const composed = await decodeComposed(job, predicted, decoder, signal);
    const decoded = { layers: generated, merged: mergeLayers(job, given, generated) };
    if (refinement.refines) phase('refine');
    const refined = refinement.refines ? await this.#refine(job, given, generated, signal) : undefined;
    const warnings = refinement.warning === undefined ? [] : [refinement.warning];
    const result = buildResult(job, given, { decoded, refined, composed, warnings }, performance.now() - started);
    for (const message of result.warnings) context.emit({ type: 'warning', message });
    return result;
  }

  async #refine(
    job: MrtJob,
    given: GivenPictures,
    generated: readonly GeneratedLayer[],
    signal: AbortSignal,
  ): Promise<LayerStack> {
    const layers = await refineGenerated(job, given, generated, signal);
    return { layers, merged: mergeLayers(job, given, layers) };
  }

  /** The step cache or the hooks that a run asks for. Differences are measured on moving tokens: clean ones hardly change. */
  async #ownRunner(denoiser: Denoiser, options: MrtRunOptions, signal: AbortSignal): Promise<PassRunner | undefined> {
    const config = options.cache === 'recommended' ? this.manifest.cache : options.cache;
    const { hooks } = options;
    if (config === undefined || config === null) return hooks && hookedRunner(hooks);
    return cacheRunnerOf(this.#engine, parseCacheConfig(config), denoiser, {
      tokens: 'noise',
      signal,
      ...(hooks ? { hooks } : {}),
    });
  }

  /** Runs wait for each other: two would fight for the device's memory. */
  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Text features of a job's prompt, and of the unguided pass where guidance is on. */
  async encodeText(job: MrtJob, signal?: AbortSignal): Promise<JobText> {
    const { prompt, guidance } = this.manifest;
    const tokenizer = await this.tokenizer(signal);
    const encode = async (text: string): Promise<TextFeatures> =>
      this.#features(tokenizeRegionalPrompt(tokenizer, prompt, text), signal);
    const text = await encode(regionalPromptText(job.design, prompt));
    const negative =
      job.cfgScale > 1 ? await encode(regionalNegativeText(job.design, guidance.negativePrompt)) : undefined;
    return { text, negative };
  }

  async #features({ ids, dropTokens, maxTokens }: TokenizedPrompt, signal?: AbortSignal): Promise<TextFeatures> {
    const encoder = await this.textEncoder(signal);
    const { data, length, width } = await encoder.encode(ids, signal ? { signal } : {});
    const kept = Math.min(maxTokens, length - dropTokens);
    if (kept < 1)
      throw new ConfigError(
        `${this.#checkpoint.name}: prompt.dropTokens is ${dropTokens}, but a prompt has ${length} tokens: nothing is left.`,
        { rule: 'range', path: this.#checkpoint.name },
      );
    return { data: data.slice(dropTokens * width, (dropTokens + kept) * width), length: kept, width };
  }

  /** Everything given as tokens [N - N_noise, 4C]. */
  async encodeGiven(job: MrtJob, given: GivenPictures, signal?: AbortSignal): Promise<Float32Array> {
    if (!job.plan.regions.some((region) => region.role !== 'noise')) return new Float32Array();
    return encodeGiven(job, given, await this.vae('encoder', signal), signal);
  }

  /** The loop's specification for a job. */
  denoiseSpec(
    job: MrtJob,
    { text, negative }: JobText,
    transformer: QwenImageTransformer2DModel,
  ): Parameters<typeof Denoiser.prepare>[2] {
    const { manifest } = this;
    return {
      plan: job.plan,
      sigmas: job.sigmas,
      text,
      ...(negative ? { negative, cfgScale: job.cfgScale, rescale: manifest.guidance.rescale } : {}),
      form: job.form,
      predicts: manifest.predicts,
      ropeTheta: manifest.rope.theta,
      condEmbedding: {
        tensor: manifest.condEmbedding.tensor,
        length: condEmbeddingLength(manifest, transformer.config),
        addAt: manifest.condEmbedding.addAt,
      },
      ...(transformer.config.useAdditionalTCond ? { additionalTCond: manifest.additionalTCond } : {}),
    };
  }

  /** The merged picture over the canvas, premultiplied. */
  merge(job: MrtJob, given: GivenPictures, generated: Parameters<typeof mergeLayers>[2]): Float32Array {
    return mergeLayers(job, given, generated);
  }

  transformer(signal?: AbortSignal): Promise<QwenImageTransformer2DModel> {
    this.#transformer ??= this.#once(
      this.#checkpoint.transformer(this.#engine, { precision: this.#precision, w8a8: this.#w8a8 }, signal),
      () => {
        this.#transformer = undefined;
      },
    );
    return this.#transformer;
  }

  textEncoder(signal?: AbortSignal): Promise<Qwen2_5TextEncoder> {
    this.#textEncoder ??= this.#once(this.#checkpoint.textEncoder(this.#engine, this.#precision, signal), () => {
      this.#textEncoder = undefined;
    });
    return this.#textEncoder;
  }

  tokenizer(signal?: AbortSignal): Promise<QwenTokenizer> {
    this.#tokenizer ??= this.#once(this.#checkpoint.tokenizer(signal), () => {
      this.#tokenizer = undefined;
    });
    return this.#tokenizer;
  }

  /** The VAE of a direction; one for both where the manifest names one folder. */
  vae(half: 'encoder' | 'decoder', signal?: AbortSignal): Promise<AutoencoderKLQwenImage> {
    const folder = this.manifest.folders[half];
    let vae = this.#vaes.get(folder);
    if (!vae) {
      vae = this.#once(this.#checkpoint.vae(this.#engine, half, { precision: this.#precision }, signal), () => {
        this.#vaes.delete(folder);
      });
      this.#vaes.set(folder, vae);
    }
    return vae;
  }

  /** A part that failed to load (an abort, say) is tried anew the next time. */
  #once<T>(loading: Promise<T>, forget: () => void): Promise<T> {
    loading.catch(forget);
    return loading;
  }

  /** Frees weights and programs, and closes the checkpoint's files. Waits for a run in progress. */
  async dispose(): Promise<void> {
    await this.#queue;
    const parts = [this.#transformer, this.#textEncoder, ...this.#vaes.values()];
    for (const part of parts) await (await part?.catch(() => undefined))?.dispose();
    this.#transformer = this.#textEncoder = undefined;
    this.#vaes.clear();
    await this.#checkpoint.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Rows of predicted tokens [N_noise, depth] at their places in [N, depth]; zeros elsewhere. */
export function spreadPredicted(
  plan: Pick<TokenPlan, 'predicted' | 'numTokens'>,
  rows: Float32Array,
  depth: number,
): Float32Array {
  const all = new Float32Array(plan.numTokens * depth);
  let at = 0;
  for (const [start, end] of plan.predicted) {
    all.set(rows.subarray(at * depth, (at + end - start) * depth), start * depth);
    at += end - start;
  }
  return all;
}

const refusePictures: PictureLoader = async (uri) => {
  throw new ConfigError(`design: "${uri}" is needed, but the run has no "pictures" loader.`, {
    rule: 'missing-pictures',
  });
};

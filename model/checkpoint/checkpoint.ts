import type { Engine } from '../../runtime/engine.ts';
import { CheckpointError } from '../../runtime/errors.ts';
import type { FolderSource } from '../../runtime/io/folder-source.ts';
import type { ModelFolder } from '../../runtime/io/model-folder.ts';
import { readWhole } from '../../runtime/io/folder-source.ts';
import { openWeights, type OpenWeightsOptions } from '../../runtime/weights/open-weights.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { parseTextEncoderConfig, type TextEncoderConfig } from '../config/text-encoder-config.ts';
import { parseTransformerConfig, type TransformerConfig } from '../config/transformer-config.ts';
import { parseVaeConfig, type VaeConfig } from '../config/vae-config.ts';
import { parseManifest, type MrtManifest } from '../manifest/manifest.ts';
import { QwenImageTransformer2DModel, type TransformerOptions } from '../mmdit/transformer.ts';
import { hiddenSizeOf } from '../mmdit/tensors.ts';
import { parseFlowMatchConfig, type FlowMatchConfig } from '../sampler/scheduler-config.ts';
import { Qwen2_5TextEncoder } from '../text/text-encoder.ts';
import { openTokenizer, type QwenTokenizer } from '../text/tokenizer.ts';
import { AutoencoderKLQwenImage, type VaeOptions } from '../vae/autoencoder-kl.ts';
import type { WeightPrecision } from '../weight-precision.ts';

/** Configs are a few kilobytes; anything larger is the wrong file. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** The family's pipelines, as `model_index.json` names them, and the regional one by its manifest. */
export type CheckpointKind = 'mrt' | 'text-to-image' | 'edit' | 'layered';

const KIND_OF_CLASS: Readonly<Record<string, CheckpointKind>> = {
  QwenImagePipeline: 'text-to-image',
  QwenImageEditPipeline: 'edit',
  QwenImageEditPlusPipeline: 'edit',
  QwenImageLayeredPipeline: 'layered',
};

/**
 * A checkpoint folder as published (diffusers' layout), opened lazily: configs first, weights when a part is asked for.
 * A folder with `mrt.json` is a regional checkpoint.
 */
export class Checkpoint {
  readonly kind: CheckpointKind;
  readonly manifest: MrtManifest;
  readonly #folder: ModelFolder;
  readonly #weights: OpenWeightsOptions;
  readonly #opened: WeightSource[] = [];

  private constructor(folder: ModelFolder, kind: CheckpointKind, manifest: MrtManifest, weights: OpenWeightsOptions) {
    this.#folder = folder;
    this.kind = kind;
    this.manifest = manifest;
    this.#weights = weights;
  }

  /** Name of the folder, as the caller gave it. */
  get name(): string {
    return this.#folder.name;
  }

  /**
   * @param weights how weight files are opened: caps, and the platform's bulk conversions
   * @throws CheckpointError `not-a-checkpoint` if the folder has neither mrt.json nor a known model_index.json
   */
  static async open(folder: ModelFolder, weights: OpenWeightsOptions = {}): Promise<Checkpoint> {
    const manifest = await readWhole(folder.root, 'mrt.json', MAX_CONFIG_BYTES);
    if (manifest) return new Checkpoint(folder, 'mrt', parseManifest(manifest, `${folder.name}/mrt.json`), weights);
    const index = await readWhole(folder.root, 'model_index.json', MAX_CONFIG_BYTES);
    const className =
      index && (parseJson(index, `${folder.name}/model_index.json`) as { _class_name?: unknown })._class_name;
    const kind =
      typeof className === 'string' && Object.hasOwn(KIND_OF_CLASS, className) ? KIND_OF_CLASS[className] : undefined;
    if (!kind)
      throw new CheckpointError(
        `${folder.name}: ${index ? `model_index.json names ${JSON.stringify(className)}` : 'has neither mrt.json nor model_index.json'}. ` +
          `Known pipelines: ${Object.keys(KIND_OF_CLASS).join(', ')}, or a folder with mrt.json.`,
        { rule: 'not-a-checkpoint', path: folder.name },
      );
    return new Checkpoint(folder, kind, parseManifest(undefined), weights);
  }

  async transformerConfig(): Promise<TransformerConfig> {
    const { folder, path } = await this.#part(this.manifest.folders.transformer);
    return parseTransformerConfig(await this.#config(folder, 'config.json'), `${path}/config.json`);
  }

  async textEncoderConfig(): Promise<TextEncoderConfig> {
    const { folder, path } = await this.#part(this.manifest.folders.textEncoder);
    return parseTextEncoderConfig(await this.#config(folder, 'config.json'), `${path}/config.json`);
  }

  async vaeConfig(half: 'encoder' | 'decoder'): Promise<VaeConfig> {
    const { folder, path } = await this.#part(this.manifest.folders[half]);
    return parseVaeConfig(await this.#config(folder, 'config.json'), `${path}/config.json`);
  }

  /** The scheduler's configuration; the class's defaults where the folder has none (regional checkpoints need none). */
  async schedulerConfig(): Promise<FlowMatchConfig> {
    const folder = await this.#folder.folder('scheduler');
    const path = `${this.name}/scheduler/scheduler_config.json`;
    const text = folder && (await readWhole(folder, 'scheduler_config.json', MAX_CONFIG_BYTES));
    return parseFlowMatchConfig(text ? parseJson(text, path) : {}, path);
  }

  async tokenizer(signal?: AbortSignal): Promise<QwenTokenizer> {
    return openTokenizer((await this.#part(this.manifest.folders.tokenizer)).folder, signal);
  }

  /** Opens a part's weights. The checkpoint closes them. */
  async weights(part: string, signal?: AbortSignal): Promise<WeightSource> {
    const source = await openWeights((await this.#part(part)).folder, this.#weights, signal);
    this.#opened.push(source);
    return source;
  }

  /** The transformer; a regional checkpoint's condition embedding is checked too. */
  async transformer(
    engine: Engine,
    options: TransformerOptions = {},
    signal?: AbortSignal,
  ): Promise<QwenImageTransformer2DModel> {
    const config = await this.transformerConfig();
    const source = await this.weights(this.manifest.folders.transformer, signal);
    const extraTensors =
      this.kind === 'mrt'
        ? new Map([[this.manifest.condEmbedding.tensor, condEmbeddingLength(this.manifest, config)]])
        : new Map<string, number>();
    return QwenImageTransformer2DModel.open(engine, source, config, { extraTensors, ...options });
  }

  async textEncoder(
    engine: Engine,
    precision: WeightPrecision = 'stored',
    signal?: AbortSignal,
  ): Promise<Qwen2_5TextEncoder> {
    const config = await this.textEncoderConfig();
    const source = await this.weights(this.manifest.folders.textEncoder, signal);
    return Qwen2_5TextEncoder.open(engine, source, config, precision);
  }

  /** The VAE of one direction: encoder and decoder may be two folders, and two checkpoints. */
  async vae(
    engine: Engine,
    half: 'encoder' | 'decoder',
    options: VaeOptions = {},
    signal?: AbortSignal,
  ): Promise<AutoencoderKLQwenImage> {
    const config = await this.vaeConfig(half);
    const source = await this.weights(this.manifest.folders[half], signal);
    return AutoencoderKLQwenImage.open(engine, source, config, options);
  }

  /** Closes the files. */
  async close(): Promise<void> {
    for (const source of this.#opened.splice(0)) await source.close();
  }

  async #part(part: string): Promise<{ folder: FolderSource; path: string }> {
    const folder = await this.#folder.folder(part);
    if (!folder)
      throw new CheckpointError(`${this.name}: the folder "${part}" is missing.`, {
        rule: 'missing-part',
        path: this.name,
      });
    return { folder, path: `${this.name}/${part}` };
  }

  async #config(folder: FolderSource, file: string): Promise<Uint8Array> {
    const text = await readWhole(folder, file, MAX_CONFIG_BYTES);
    if (!text)
      throw new CheckpointError(`${folder.name}: ${file} is missing.`, { rule: 'missing-config', path: folder.name });
    return text;
  }
}

/** Elements of the condition embedding: one per token channel, or one per residual channel. */
export function condEmbeddingLength(manifest: MrtManifest, config: TransformerConfig): number {
  return manifest.condEmbedding.addAt === 'beforeImgIn' ? config.inChannels : hiddenSizeOf(config);
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) ?? {};
  } catch (cause) {
    throw new CheckpointError(`${path}: must be JSON, ${String(cause)}.`, { rule: 'not-json', path }, { cause });
  }
}

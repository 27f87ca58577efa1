import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import type { QwenImageTransformer2DModel } from '../../model/mmdit/transformer.ts';
import type { Qwen2_5TextEncoder } from '../../model/text/text-encoder.ts';
import type { AutoencoderKLQwenImage } from '../../model/vae/autoencoder-kl.ts';
import type { WeightPrecision } from '../../model/weight-precision.ts';
import type { Engine } from '../../runtime/engine.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { modelDirOf } from './case-inputs.ts';
import type { GoldenContext, GoldenPrecision } from './contract.ts';

/** `f32` runs the weights as they are stored, which is exact; `f16` rounds them. */
export function weightPrecisionOf(precision: GoldenPrecision): WeightPrecision {
  return precision === 'f16' ? 'f16' : 'stored';
}

/** A case's checkpoint and the parts of it that were asked for, opened once and shared by all cases of the folder. */
export interface LoadedModel {
  readonly engine: Engine;
  readonly checkpoint: Checkpoint;
  readonly precision: WeightPrecision;
  transformer(): Promise<QwenImageTransformer2DModel>;
  textEncoder(): Promise<Qwen2_5TextEncoder>;
  vae(half: 'encoder' | 'decoder'): Promise<AutoencoderKLQwenImage>;
}

/** Models of golden cases by folder and precision. The engine is opened when the first case needs one. */
export class LoadedModels {
  readonly #open: (() => Promise<Engine>) | undefined;
  #engine: Promise<Engine> | undefined;
  readonly #models = new Map<string, Promise<LoadedModel>>();

  /** @param open the engine to use; it stays its opener's. Absent: an engine of its own */
  constructor(open?: () => Promise<Engine>) {
    this.#open = open;
  }

  engine(): Promise<Engine> {
    this.#engine ??= this.#open ? this.#open() : openEngine();
    return this.#engine;
  }

  of(context: GoldenContext): Promise<LoadedModel> {
    const folder = modelDirOf(context);
    const key = `${context.precision} ${folder}`;
    let model = this.#models.get(key);
    if (!model) {
      model = this.#load(folder, weightPrecisionOf(context.precision));
      this.#models.set(key, model);
    }
    return model;
  }

  async #load(folder: string, precision: WeightPrecision): Promise<LoadedModel> {
    const engine = await this.engine();
    const checkpoint = await Checkpoint.open(await modelFolder(folder));
    const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
      let made: Promise<T> | undefined;
      return () => (made ??= make());
    };
    const halves = {
      encoder: once(() => checkpoint.vae(engine, 'encoder', { precision })),
      decoder: once(() => checkpoint.vae(engine, 'decoder', { precision })),
    };
    return {
      engine,
      checkpoint,
      precision,
      transformer: once(() => checkpoint.transformer(engine, { precision })),
      textEncoder: once(() => checkpoint.textEncoder(engine, precision)),
      vae: (half) => halves[half](),
    };
  }

  /** Frees everything that was opened. What could not be opened has been its case's failure and is nothing to close. */
  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#models.values()))
      if (opened.status === 'fulfilled') await opened.value.checkpoint.close();
    this.#models.clear();
    if (!this.#open) (await this.#engine?.catch(() => undefined))?.dispose();
    this.#engine = undefined;
  }
}

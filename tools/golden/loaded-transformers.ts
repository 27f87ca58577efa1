import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { parseTransformerConfig } from '../../model/config/transformer-config.ts';
import { QwenImageTransformer2DModel } from '../../model/mmdit/transformer.ts';
import type { Engine } from '../../runtime/engine.ts';
import { readWhole } from '../../runtime/io/folder-source.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { openWeights } from '../../runtime/weights/open-weights.ts';
import { modelDirOf } from './case-inputs.ts';
import type { GoldenContext } from './contract.ts';
import { weightPrecisionOf } from './loaded-models.ts';

/** A case's transformer, ready to run. */
export interface LoadedTransformer {
  readonly engine: Engine;
  readonly transformer: QwenImageTransformer2DModel;
  close(): Promise<void>;
}

/** config.json of a part is a few hundred bytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Transformers of golden cases by folder and precision: a checkpoint's, or a folder that holds nothing but a transformer.
 * The engine is opened when the first case needs one.
 */
export class LoadedTransformers {
  readonly #open: (() => Promise<Engine>) | undefined;
  #engine: Promise<Engine> | undefined;
  readonly #loaded = new Map<string, Promise<LoadedTransformer>>();

  /** @param open the engine to use; it stays its opener's. Absent: an engine of its own */
  constructor(open?: () => Promise<Engine>) {
    this.#open = open;
  }

  of(context: GoldenContext): Promise<LoadedTransformer> {
    const path = modelDirOf(context);
    const key = `${context.precision} ${path}`;
    let loaded = this.#loaded.get(key);
    if (!loaded) {
      loaded = this.#load(path, context);
      this.#loaded.set(key, loaded);
    }
    return loaded;
  }

  async #load(path: string, context: GoldenContext): Promise<LoadedTransformer> {
    this.#engine ??= this.#open ? this.#open() : openEngine();
    const engine = await this.#engine;
    const precision = weightPrecisionOf(context.precision);
    const folder = await modelFolder(path);
    const config = await readWhole(folder.root, 'config.json', MAX_CONFIG_BYTES);
    if (!config) {
      const checkpoint = await Checkpoint.open(folder);
      const transformer = await checkpoint.transformer(engine, { precision });
      return { engine, transformer, close: () => checkpoint.close() };
    }
    const source = await openWeights(folder.root);
    const transformer = QwenImageTransformer2DModel.open(
      engine,
      source,
      parseTransformerConfig(config, `${path}/config.json`),
      { precision },
    );
    return { engine, transformer, close: () => source.close() };
  }

  /** Frees everything that was opened. What could not be opened has been its case's failure and is nothing to close. */
  async close(): Promise<void> {
    for (const opened of await Promise.allSettled(this.#loaded.values()))
      if (opened.status === 'fulfilled') await opened.value.close();
    this.#loaded.clear();
    if (!this.#open) (await this.#engine?.catch(() => undefined))?.dispose();
    this.#engine = undefined;
  }
}

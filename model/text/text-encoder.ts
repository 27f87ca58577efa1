import type { Engine } from '../../runtime/engine.ts';
import { CheckpointError } from '../../runtime/errors.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { isFloatDType, toF32 } from '../../runtime/safetensors/convert.ts';
import { sourceReader } from '../../runtime/weights/source-reader.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { WeightStore } from '../../runtime/weights/weight-store.ts';
import type { TextEncoderConfig } from '../config/text-encoder-config.ts';
import { requireTensors } from '../tensor-table.ts';
import type { WeightPrecision } from '../weight-precision.ts';
import { ENCODER_STATES, layerSegment, recordTextEncoder } from './encoder-program.ts';
import { encoderPrefix, encoderTensors, isUnusedEncoderTensor } from './encoder-tensors.ts';

/** Programs kept for prompts of other lengths: cond and uncond of a run, and a few more. */
const MAX_PROGRAMS = 4;

/** What one prompt becomes. */
export interface TextFeatures {
  /** f32 [length, width]. */
  readonly data: Float32Array;
  readonly length: number;
  readonly width: number;
}

/**
 * The Qwen2.5-VL language model as text encoder: features are the last layer's output after the final norm.
 * The embedding table stays in the file: the rows of a prompt are read from there (1.1 GB for the published model).
 */
export class Qwen2_5TextEncoder {
  readonly config: TextEncoderConfig;
  readonly #engine: Engine;
  readonly #source: WeightSource;
  readonly #prefix: string;
  readonly #store: WeightStore;
  readonly #precision: WeightPrecision;
  readonly #programs = new Map<number, Program>();

  private constructor(engine: Engine, source: WeightSource, config: TextEncoderConfig, precision: WeightPrecision) {
    this.#engine = engine;
    this.#source = source;
    this.config = config;
    this.#prefix = encoderPrefix(source);
    this.#store = new WeightStore(engine, sourceReader(source));
    this.#precision = precision;
  }

  /** @throws CheckpointError `tensors` that lists what is missing, unexpected or misshapen */
  static open(
    engine: Engine,
    source: WeightSource,
    config: TextEncoderConfig,
    precision: WeightPrecision = 'stored',
  ): Qwen2_5TextEncoder {
    requireTensors('text encoder', source, encoderTensors(config, encoderPrefix(source)), isUnusedEncoderTensor);
    return new Qwen2_5TextEncoder(engine, source, config, precision);
  }

  /**
   * Features of one prompt: all of its tokens, nothing dropped.
   *
   * @param ids token ids, each below the vocabulary's size; at least one
   * @param onLayer called with the residual stream f32 [length, width] after each layer: for tests
   * @throws CheckpointError `token-range` for an id that the embedding table does not have
   */
  async encode(
    ids: readonly number[],
    options: { signal?: AbortSignal; onLayer?: (layer: number, hidden: Float32Array) => void } = {},
  ): Promise<TextFeatures> {
    const { signal, onLayer } = options;
    signal?.throwIfAborted();
    const program = await this.#program(ids.length, signal);
    program.write(ENCODER_STATES.hidden, await this.#embed(ids, signal));
    for (let layer = 0; layer < this.config.numHiddenLayers; layer++) {
      program.run([layerSegment(layer)]);
      if (onLayer) onLayer(layer, (await program.read(ENCODER_STATES.hidden)) as Float32Array);
    }
    program.run(['norm']);
    const data = (await program.read(ENCODER_STATES.features)) as Float32Array;
    return { data, length: ids.length, width: this.config.hiddenSize };
  }

  async #program(length: number, signal?: AbortSignal): Promise<Program> {
    const known = this.#programs.get(length);
    if (known) {
      this.#programs.delete(length); // moved to the end: the least recently used one goes first
      this.#programs.set(length, known);
      return known;
    }
    const builder = new ProgramBuilder(this.#engine.facts, 'text encoder');
    const recording = { builder, table: this.#source, precision: this.#precision };
    recordTextEncoder(recording, this.config, this.#prefix, length);
    const options = { weights: this.#store, ...(signal ? { signal } : {}) };
    const program = await compileProgram(this.#engine, builder.finish(), options);
    this.#programs.set(length, program);
    for (const [oldest, stale] of this.#programs) {
      if (this.#programs.size <= MAX_PROGRAMS) break;
      this.#programs.delete(oldest);
      stale.dispose();
    }
    return program;
  }

  /** Rows of the embedding table for these ids: f32 [ids.length, width]. */
  async #embed(ids: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    const name = `${this.#prefix}embed_tokens.weight`;
    const { hiddenSize, vocabSize } = this.config;
    const info = this.#source.info(name);
    if (!info || !isFloatDType(info.dtype))
      throw new CheckpointError(
        `${this.#source.name}: tensor "${name}" must be floats, is ${info?.dtype ?? 'missing'}.`,
        {
          rule: 'unsupported-dtype',
          path: this.#source.name,
          tensor: name,
        },
      );
    const rowBytes = info.byteLength / vocabSize;
    const hidden = new Float32Array(ids.length * hiddenSize);
    const rows = new Map<number, Float32Array>();
    for (const [index, id] of ids.entries()) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
        throw new CheckpointError(
          `text encoder: token id ${id} is outside of the embedding table of ${vocabSize} rows. Tokenizer and text encoder do not belong together.`,
          { rule: 'token-range', path: this.#source.name, tensor: name },
        );
      let row = rows.get(id);
      if (!row) {
        row = toF32(info.dtype, await this.#source.readRange(name, id * rowBytes, (id + 1) * rowBytes, signal));
        rows.set(id, row);
      }
      hidden.set(row, index * hiddenSize);
    }
    return hidden;
  }

  /** Frees weights and programs. */
  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    await this.#store.dispose();
  }
}

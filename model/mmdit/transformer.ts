import type { Engine } from '../../runtime/engine.ts';
import { CheckpointError, ShapeError } from '../../runtime/errors.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { ProgramPlan } from '../../runtime/program/plan.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { sourceReader } from '../../runtime/weights/source-reader.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { WeightStore, type WeightProgress } from '../../runtime/weights/weight-store.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import { requireTensors, type TensorTable } from '../tensor-table.ts';
import { w8a8Policy, type W8A8Options, type WeightPrecision } from '../weight-precision.ts';
import { computeModulation, type ModulationRequest, type ModulationTable } from './modulation-table.ts';
import { StepModulation } from './step-modulation.ts';
import { transformerTensors } from './tensors.ts';
import {
  blockSegment,
  EMBED_SEGMENT,
  HEAD_SEGMENT,
  PASS_STATES,
  recordTransformer,
  type TransformerPassSpec,
} from './transformer-program.ts';

/** How to load a transformer. */
export interface TransformerOptions {
  readonly precision?: WeightPrecision;
  /** Which layers precision `w8a8` multiplies in int8, and how; other precisions ignore it. */
  readonly w8a8?: W8A8Options;
  /** Tensors beside the published ones, with their element counts: MRT's condition embedding. */
  readonly extraTensors?: ReadonlyMap<string, number>;
  readonly onProgress?: (progress: WeightProgress) => void;
}

/** Plans a pass without a device or weights: tokens, FLOPs and bytes can be read off the plan. */
export function planTransformer(
  facts: Engine['facts'],
  table: TensorTable,
  spec: TransformerPassSpec,
  precision: WeightPrecision = 'stored',
  w8a8: W8A8Options = {},
): ProgramPlan {
  const builder = new ProgramBuilder(facts, 'transformer');
  const policy = precision === 'w8a8' ? { w8a8: w8a8Policy(w8a8, spec.config.numLayers) } : {};
  recordTransformer({ builder, table, precision, ...policy }, spec);
  return builder.finish();
}

/**
 * The MMDiT of the Qwen-Image family, over explicit tokens (TokenPlan). Weights stay in the checkpoint's own names.
 */
export class QwenImageTransformer2DModel {
  readonly config: TransformerConfig;
  readonly precision: WeightPrecision;
  readonly #w8a8: W8A8Options;
  readonly #engine: Engine;
  readonly #source: WeightSource;
  readonly #store: WeightStore;

  private constructor(engine: Engine, source: WeightSource, config: TransformerConfig, options: TransformerOptions) {
    this.#engine = engine;
    this.#source = source;
    this.config = config;
    this.precision = options.precision ?? 'stored';
    this.#w8a8 = options.w8a8 ?? {};
    this.#store = new WeightStore(engine, sourceReader(source), options.onProgress);
  }

  /**
   * Checks the checkpoint both ways. Weights are read when the first pass is prepared.
   *
   * @throws CheckpointError `tensors` that lists what is missing, unexpected or misshapen
   */
  static open(
    engine: Engine,
    source: WeightSource,
    config: TransformerConfig,
    options: TransformerOptions = {},
  ): QwenImageTransformer2DModel {
    const extra = options.extraTensors ?? new Map<string, number>();
    requireTensors('transformer', source, transformerTensors(config), (name) => extra.has(name));
    for (const [name, count] of extra) {
      const info = source.info(name);
      const found = info?.shape.reduce((product, size) => product * size, 1);
      if (found !== count)
        throw new CheckpointError(
          `transformer: ${source.name}: tensor "${name}" must have ${count} elements, ${info ? `has ${found}` : 'is missing'}.`,
          { rule: 'tensors', path: source.name, tensor: name },
        );
    }
    return new QwenImageTransformer2DModel(engine, source, config, options);
  }

  /** Tabulates the modulation vectors of a list of timesteps; dispose the table after the run. */
  modulation(request: ModulationRequest): Promise<ModulationTable> {
    const base = { table: this.#source, precision: this.precision };
    return computeModulation(this.#engine, sourceReader(this.#source), base, this.config, request);
  }

  /**
   * Prepares the way without a table: vectors of one step at a time, into `out` f32 [rows, layout.total]; the modulation
   * weights stay on the device until it is disposed.
   */
  stepModulation(out: Tensor, request: Omit<ModulationRequest, 'timesteps'> = {}): Promise<StepModulation> {
    const base = { table: this.#source, precision: this.precision };
    return StepModulation.prepare(this.#engine, sourceReader(this.#source), base, this.config, out, request);
  }

  /**
   * Compiles a pass for one plan of tokens and one text length. Weights are shared by all passes.
   *
   * @param bind tensors that take the place of the pass's states: two passes of guidance share `tokens` and `modulation`
   */
  async prepare(
    spec: Omit<TransformerPassSpec, 'config'>,
    bind: Readonly<Record<string, Tensor>> = {},
    signal?: AbortSignal,
  ): Promise<TransformerPass> {
    const plan = planTransformer(
      this.#engine.facts,
      this.#source,
      { ...spec, config: this.config },
      this.precision,
      this.#w8a8,
    );
    const program = await compileProgram(this.#engine, plan, {
      weights: this.#store,
      bind,
      ...(signal ? { signal } : {}),
    });
    return new TransformerPass(program, this.config.numLayers);
  }

  /** Frees the weights. Passes must not run after it. */
  async dispose(): Promise<void> {
    await this.#store.dispose();
  }
}

/** A compiled pass of the network: set text and modulation, run, read the velocity. */
export class TransformerPass {
  readonly program: Program;
  readonly numBlocks: number;

  /** Use `QwenImageTransformer2DModel.prepare`. */
  constructor(program: Program, numBlocks: number) {
    this.program = program;
    this.numBlocks = numBlocks;
  }

  /** Text features f32 [S_t, J], before `txt_norm`. */
  setText(features: Float32Array): void {
    this.#write(PASS_STATES.text, features);
  }

  /** Image tokens f32 [S_i, C], all roles, in plan order. */
  setTokens(tokens: Float32Array): void {
    this.#write(PASS_STATES.tokens, tokens);
  }

  #write(name: string, data: Float32Array): void {
    const shape = this.program.plan.states.get(name)?.shape ?? [];
    const count = shape.reduce((product, size) => product * size, 1);
    if (data.length !== count)
      throw new ShapeError(`transformer: ${name} must be [${shape.join(', ')}] = ${count} values, got ${data.length}.`);
    this.program.write(name, data);
  }

  /** Takes this step's vectors from row `step` of a table, and those of t = 0 from row `zero` where the plan has clean tokens. */
  setModulation(table: ModulationTable, step: number, zero?: number): void {
    const bytes = table.layout.total * 4;
    this.program.copy(table.tensor.buffer, step * bytes, PASS_STATES.modulation, 0, bytes);
    const rows = this.program.plan.states.get(PASS_STATES.modulation)?.shape[0] ?? 1;
    if (rows < 2) return;
    if (zero === undefined)
      throw new ShapeError('transformer: the plan has tokens at t = 0, but the modulation table has no row for it.');
    this.program.copy(table.tensor.buffer, zero * bytes, PASS_STATES.modulation, bytes, bytes);
  }

  /** Segments that run blocks [first, end). */
  blocks(first: number, end: number): string[] {
    return Array.from({ length: Math.max(0, end - first) }, (_, i) => blockSegment(first + i));
  }

  /** The whole network once. Does not wait. */
  run(): void {
    this.program.run([EMBED_SEGMENT, ...this.blocks(0, this.numBlocks), HEAD_SEGMENT]);
  }

  /** The network's output f32 [S_i, P]; rows that are not predicted hold nothing of use. */
  async readVelocity(): Promise<Float32Array> {
    return (await this.program.read(PASS_STATES.velocity)) as Float32Array;
  }

  dispose(): void {
    this.program.dispose();
  }
}

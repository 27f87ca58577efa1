import type { Engine } from '../../runtime/engine.ts';
import { ShapeError } from '../../runtime/errors.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { WeightStore, type TensorReader } from '../../runtime/weights/weight-store.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import type { Recording } from '../recording.ts';
import { TIMESTEP_CHANNELS, timestepEmbedding } from '../sampler/timestep-embedding.ts';
import { ModulationLayout } from './modulation-layout.ts';
import { MODULATION_STATES, recordTemb, recordVectors } from './modulation-vectors.ts';

const SINUSOIDS = 'sinusoids';

/**
 * Modulation vectors of one step at a time, by a recorded program: the way of engines without a table. All modulation
 * weights stay on the device until it is disposed.
 */
export class StepModulation {
  /** Device bytes held for it: weights and intermediate vectors. The output belongs to the caller. */
  readonly byteLength: number;
  readonly #program: Program;
  readonly #store: WeightStore;
  readonly #rows: number;

  private constructor(program: Program, store: WeightStore, rows: number, byteLength: number) {
    this.#program = program;
    this.#store = store;
    this.#rows = rows;
    this.byteLength = byteLength;
  }

  /**
   * Loads the modulation weights and compiles the program.
   *
   * @param out f32 [rows, layout.total]: where the vectors go, one row a timestep
   * @param request.additionalTCond row of `addition_t_embedding`; only where the config has `useAdditionalTCond`
   */
  static async prepare(
    engine: Engine,
    reader: TensorReader,
    recordingBase: Omit<Recording, 'builder'>,
    config: TransformerConfig,
    out: Tensor,
    request: { readonly additionalTCond?: number; readonly signal?: AbortSignal } = {},
  ): Promise<StepModulation> {
    const layout = new ModulationLayout(config);
    const [rows] = out.shape;
    const builder = new ProgramBuilder(engine.facts, 'step modulation');
    const recording = { ...recordingBase, builder };
    const sinusoids = builder.state(SINUSOIDS, 'f32', [rows, TIMESTEP_CHANNELS]);
    recordTemb(recording, config, sinusoids, request.additionalTCond);
    recordVectors(recording, layout, rows, 0, config.numLayers + 1);
    let weightBytes = 0;
    const store = new WeightStore(engine, reader, ({ bytes }) => {
      weightBytes = bytes;
    });
    try {
      const plan = builder.finish();
      const program = await compileProgram(engine, plan, {
        weights: store,
        bind: { [MODULATION_STATES.table]: out },
        ...(request.signal ? { signal: request.signal } : {}),
      });
      const own = plan.storages.filter(
        ({ kind, label }) => kind === 'state' && label !== (MODULATION_STATES.table as string),
      );
      const stateBytes = own.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const byteLength = weightBytes + stateBytes + program.memory.arenaBytes;
      return new StepModulation(program, store, rows, byteLength);
    } catch (error) {
      await store.dispose();
      throw error;
    }
  }

  /**
   * Queues the vectors of some timesteps into `out`, one row each. Does not wait, compiles and allocates nothing.
   *
   * @param timesteps sigmas, 0..1
   * @throws ShapeError if they are not as many as `out` has rows
   */
  run(timesteps: readonly number[]): void {
    if (timesteps.length !== this.#rows)
      throw new ShapeError(`step modulation: needs ${this.#rows} timesteps, got ${timesteps.length}.`);
    this.#program.write(SINUSOIDS, timestepEmbedding(timesteps));
    this.#program.run();
  }

  /** Frees the modulation weights and the program. */
  async dispose(): Promise<void> {
    this.#program.dispose();
    await this.#store.dispose();
  }
}

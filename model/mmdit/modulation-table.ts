import type { Engine } from '../../runtime/engine.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram } from '../../runtime/program/program.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { WeightStore, type TensorReader } from '../../runtime/weights/weight-store.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import { TIMESTEP_CHANNELS, timestepEmbedding } from '../sampler/timestep-embedding.ts';
import type { Recording } from '../recording.ts';
import { ModulationLayout } from './modulation-layout.ts';
import { MODULATION_STATES, recordTemb, recordVectors } from './modulation-vectors.ts';
import { hiddenSizeOf } from './tensors.ts';

/** Bytes of modulation weights that are on the device at one time. */
const RESIDENT_BYTES = 512 * 1024 * 1024;

/** What to tabulate. */
export interface ModulationRequest {
  /** Timesteps (sigma, 0..1) of the rows, in order. */
  readonly timesteps: readonly number[];
  /** Row of `addition_t_embedding`; only where the config has `useAdditionalTCond`. */
  readonly additionalTCond?: number;
  readonly signal?: AbortSignal;
}

/**
 * All modulation vectors of a list of timesteps. They depend on nothing but the checkpoint and the timestep, so they
 * are computed once, exactly, and the modulation weights (a third of a Qwen-Image checkpoint) never stay on the device
 * (spec qwen-image 1.9).
 */
export interface ModulationTable {
  readonly layout: ModulationLayout;
  readonly numRows: number;
  /** f32 [numRows, layout.total]. */
  readonly tensor: Tensor;
  /** The conditioning vectors before SiLU: f32 [numRows, width]. */
  readonly temb: Tensor;
  dispose(): void;
}

/** Computes the table, streaming the modulation weights through the device block by block. */
export async function computeModulation(
  engine: Engine,
  reader: TensorReader,
  recordingBase: Omit<Recording, 'builder'>,
  config: TransformerConfig,
  request: ModulationRequest,
): Promise<ModulationTable> {
  const layout = new ModulationLayout(config);
  const rows = request.timesteps.length;
  const width = hiddenSizeOf(config);
  const store = new WeightStore(engine, reader);
  const tensor = engine.tensor('f32', [rows, layout.total], undefined, 'modulation table');
  const temb = engine.tensor('f32', [rows, width], undefined, 'temb');
  const conditioning = engine.tensor('f32', [rows, width], undefined, 'silu(temb)');
  const run = async (label: string, record: (recording: Recording) => void): Promise<void> => {
    const builder = new ProgramBuilder(engine.facts, label);
    record({ ...recordingBase, builder });
    const program = await compileProgram(engine, builder.finish(), {
      weights: store,
      bind: {
        [MODULATION_STATES.temb]: temb,
        [MODULATION_STATES.conditioning]: conditioning,
        [MODULATION_STATES.table]: tensor,
      },
      ...(request.signal ? { signal: request.signal } : {}),
    });
    program.run();
    await engine.idle();
    program.dispose();
  };
  try {
    await run('timestep embedding', (recording) => {
      const sinusoids = timestepEmbedding(request.timesteps);
      const shape = [rows, TIMESTEP_CHANNELS];
      const x = recording.builder.constant(sinusoids, 'f32', shape, 'sinusoids');
      recordTemb(recording, config, x, request.additionalTCond);
    });
    const perBlock = 12 * width * width * 4;
    const group = Math.max(1, Math.floor(RESIDENT_BYTES / perBlock));
    for (let first = 0; first <= config.numLayers; first += group) {
      const last = Math.min(first + group, config.numLayers + 1); // entry numLayers is the head
      await run('modulation', (recording) => recordVectors(recording, layout, rows, first, last));
      await store.dropAll();
    }
    return {
      layout,
      numRows: rows,
      tensor,
      temb,
      dispose: () => {
        tensor.dispose();
        temb.dispose();
      },
    };
  } catch (error) {
    tensor.dispose();
    temb.dispose();
    throw error;
  } finally {
    conditioning.dispose();
    await store.dispose();
  }
}

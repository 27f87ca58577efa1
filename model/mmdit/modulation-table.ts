import type { Engine } from '../../runtime/engine.ts';
import { concatenatedWeight } from '../../runtime/ops/vector-weight.ts';
import { matmul, matmulWeight } from '../../runtime/ops/matmul.ts';
import { activation } from '../../runtime/ops/activation.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram } from '../../runtime/program/program.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { WeightStore, type TensorReader } from '../../runtime/weights/weight-store.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import { TIMESTEP_CHANNELS, timestepEmbedding } from '../sampler/timestep-embedding.ts';
import { weightDType } from '../weight-precision.ts';
import { ModulationLayout } from './modulation-layout.ts';
import { linear, type Recording } from '../recording.ts';
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
      bind: { temb, conditioning, table: tensor },
      ...(request.signal ? { signal: request.signal } : {}),
    });
    program.run();
    await engine.idle();
    program.dispose();
  };
  try {
    await run('timestep embedding', (recording) => recordTemb(recording, config, request));
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

function recordTemb(recording: Recording, config: TransformerConfig, request: ModulationRequest): void {
  const { builder, table } = recording;
  const rows = request.timesteps.length;
  const width = hiddenSizeOf(config);
  const embedder = 'time_text_embed.timestep_embedder';
  builder.segment('temb', () => {
    const sinusoids = timestepEmbedding(request.timesteps);
    const x = builder.constant(sinusoids, 'f32', [rows, TIMESTEP_CHANNELS], 'sinusoids');
    const hidden = linear(recording, `${embedder}.linear_1`, x, { activation: 'silu' });
    const temb = builder.state('temb', 'f32', [rows, width]);
    matmul(builder, {
      x: hidden,
      weight: matmulWeight(builder, {
        tensors: [`${embedder}.linear_2.weight`],
        outs: [width],
        inputs: width,
        dtype: weightDType(table, `${embedder}.linear_2.weight`, recording.precision),
      }),
      bias: tembBias(recording, config, request.additionalTCond ?? 0),
      out: temb,
    });
    activation(builder, { kind: 'silu', x: temb, out: builder.state('conditioning', 'f32', [rows, width]) });
  });
}

/** linear_2's bias, plus the row of `addition_t_embedding` where the checkpoint has one: a constant vector either way. */
function tembBias({ builder }: Recording, config: TransformerConfig, additionalTCond: number): Value {
  const width = hiddenSizeOf(config);
  const bias = 'time_text_embed.timestep_embedder.linear_2.bias';
  if (!config.useAdditionalTCond) return concatenatedWeight(builder, [bias], [width]);
  return builder.weights({
    key: `${bias}+addition_t_embedding[${additionalTCond}]`,
    tensors: [bias, 'time_text_embed.addition_t_embedding.weight'],
    parts: { weight: { dtype: 'f32', shape: [width] } },
    pack: ([biasTensor, embedding]) => {
      const added = embedding.toF32().subarray(additionalTCond * width, (additionalTCond + 1) * width);
      return { weight: biasTensor.toF32().map((value, i) => value + added[i]) };
    },
  }).weight;
}

/** The vectors of blocks [first, last); entry `numBlocks` stands for the head. */
function recordVectors(
  recording: Recording,
  layout: ModulationLayout,
  rows: number,
  first: number,
  last: number,
): void {
  const { builder } = recording;
  const { width, numBlocks } = layout;
  builder.segment('vectors', () => {
    const x = builder.state('conditioning', 'f32', [rows, width]);
    const table = builder.state('table', 'f32', [rows, layout.total]);
    for (let block = first; block < Math.min(last, numBlocks); block++)
      for (const stream of ['img', 'txt'] as const)
        linear(recording, `transformer_blocks.${block}.${stream}_mod.1`, x, {
          out: builder.columns(table, layout.streamColumn(block, stream), 6 * width),
        });
    if (last > numBlocks)
      linear(recording, 'norm_out.linear', x, { out: builder.columns(table, layout.headScale, 2 * width) });
  });
}

import { concatenatedWeight } from '../../runtime/ops/vector-weight.ts';
import { matmul, matmulWeight } from '../../runtime/ops/matmul.ts';
import { activation } from '../../runtime/ops/activation.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import { linear, type Recording } from '../recording.ts';
import { weightDType } from '../weight-precision.ts';
import type { ModulationLayout } from './modulation-layout.ts';
import { hiddenSizeOf } from './tensors.ts';

/** Names of the states that the recordings below write. All f32. */
export const MODULATION_STATES = {
  /** Conditioning vectors before SiLU [rows, width]. */
  temb: 'temb',
  /** silu(temb) [rows, width]. */
  conditioning: 'conditioning',
  /** Modulation vectors [rows, layout.total]. */
  table: 'table',
} as const;

/**
 * Records segment `temb`: the conditioning vectors of timesteps, before and after SiLU.
 *
 * @param sinusoids f32 [rows, TIMESTEP_CHANNELS], made on the CPU
 */
export function recordTemb(
  recording: Recording,
  config: TransformerConfig,
  sinusoids: Value,
  additionalTCond = 0,
): void {
  const { builder, table } = recording;
  const [rows] = sinusoids.shape;
  const width = hiddenSizeOf(config);
  const embedder = 'time_text_embed.timestep_embedder';
  builder.segment('temb', () => {
    const hidden = linear(recording, `${embedder}.linear_1`, sinusoids, { activation: 'silu' });
    const temb = builder.state(MODULATION_STATES.temb, 'f32', [rows, width]);
    matmul(builder, {
      x: hidden,
      weight: matmulWeight(builder, {
        tensors: [`${embedder}.linear_2.weight`],
        outs: [width],
        inputs: width,
        dtype: weightDType(table, `${embedder}.linear_2.weight`, recording.precision),
      }),
      bias: tembBias(recording, config, additionalTCond),
      out: temb,
    });
    activation(builder, {
      kind: 'silu',
      x: temb,
      out: builder.state(MODULATION_STATES.conditioning, 'f32', [rows, width]),
    });
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

/** Records segment `vectors`: those of blocks [first, last); entry `numBlocks` stands for the head. */
export function recordVectors(
  recording: Recording,
  layout: ModulationLayout,
  rows: number,
  first: number,
  last: number,
): void {
  const { builder } = recording;
  const { width, numBlocks } = layout;
  builder.segment('vectors', () => {
    const x = builder.state(MODULATION_STATES.conditioning, 'f32', [rows, width]);
    const table = builder.state(MODULATION_STATES.table, 'f32', [rows, layout.total]);
    for (let block = first; block < Math.min(last, numBlocks); block++)
      for (const stream of ['img', 'txt'] as const)
        linear(recording, `transformer_blocks.${block}.${stream}_mod.1`, x, {
          out: builder.columns(table, layout.streamColumn(block, stream), 6 * width),
        });
    if (last > numBlocks)
      linear(recording, 'norm_out.linear', x, { out: builder.columns(table, layout.headScale, 2 * width) });
  });
}

import { activation } from '../../runtime/ops/activation.ts';
import { attention } from '../../runtime/ops/attention.ts';
import { qkNormRope, type Rotation } from '../../runtime/ops/qk-norm-rope.ts';
import { rmsNorm } from '../../runtime/ops/rms-norm.ts';
import { vectorWeight } from '../../runtime/ops/vector-weight.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { TextEncoderConfig } from '../config/text-encoder-config.ts';
import { linear, type Recording } from '../recording.ts';
import { rotationTable } from '../tokens/rotation-table.ts';

/** Names of the encoder's states: the residual stream f32 [S, H], and the features after the final norm f32 [S, H]. */
export const ENCODER_STATES = { hidden: 'hidden', features: 'features' } as const;

/** Name of the segment that runs layer `n` of the language model. */
export function layerSegment(layer: number): string {
  return `layer.${layer}`;
}

/**
 * Records the Qwen2.5 language model for one prompt of `length` tokens: causal grouped-query attention with half-split
 * rotation at positions 0, 1, ... and gated SiLU MLPs (spec qwen-image 3.1). Segments `layer.0` ... and `norm`.
 */
export function recordTextEncoder(
  recording: Recording,
  config: TextEncoderConfig,
  prefix: string,
  length: number,
): void {
  const { builder } = recording;
  const { hiddenSize, headDim, rmsNormEps: eps } = config;
  const hidden = builder.state(ENCODER_STATES.hidden, 'f32', [length, hiddenSize]);
  const positions = Int32Array.from({ length }, (_, i) => i);
  const { cos, sin, numAngles } = rotationTable(positions, [headDim], config.ropeTheta);
  const rope: Rotation = {
    cos: builder.constant(cos, 'f32', [length, numAngles], 'cos'),
    sin: builder.constant(sin, 'f32', [length, numAngles], 'sin'),
    pairs: 'half',
  };
  for (let layer = 0; layer < config.numHiddenLayers; layer++)
    builder.segment(layerSegment(layer), () =>
      recordLayer(recording, config, `${prefix}layers.${layer}`, hidden, rope),
    );
  builder.segment('norm', () => {
    const weight = vectorWeight(builder, `${prefix}norm.weight`, [hiddenSize]);
    rmsNorm(builder, {
      x: hidden,
      weight,
      eps,
      out: builder.state(ENCODER_STATES.features, 'f32', [length, hiddenSize]),
    });
  });
}

function recordLayer(recording: Recording, config: TextEncoderConfig, at: string, hidden: Value, rope: Rotation): void {
  const { builder } = recording;
  const { hiddenSize, headDim, numAttentionHeads: heads, numKeyValueHeads: keyHeads, rmsNormEps: eps } = config;
  const norm = (name: string): Value =>
    rmsNorm(builder, { x: hidden, weight: vectorWeight(builder, `${at}.${name}.weight`, [hiddenSize]), eps });
  const qkv = linear(
    recording,
    ['q_proj', 'k_proj', 'v_proj'].map((name) => `${at}.self_attn.${name}`),
    norm('input_layernorm'),
  );
  const q = builder.columns(qkv, 0, heads * headDim);
  const k = builder.columns(qkv, heads * headDim, keyHeads * headDim);
  const v = builder.columns(qkv, (heads + keyHeads) * headDim, keyHeads * headDim);
  qkNormRope(builder, { x: q, heads, rope });
  qkNormRope(builder, { x: k, heads: keyHeads, rope });
  const attended = attention(builder, { q, k, v, heads, keyHeads, causal: { offset: 0 } });
  linear(recording, `${at}.self_attn.o_proj`, attended, { hasBias: false, out: hidden, residual: true });
  const gateUp = linear(recording, [`${at}.mlp.gate_proj`, `${at}.mlp.up_proj`], norm('post_attention_layernorm'), {
    hasBias: false,
  });
  const width = config.intermediateSize;
  const product = activation(builder, {
    kind: 'silu_mul',
    x: builder.columns(gateUp, 0, width),
    up: builder.columns(gateUp, width, width),
  });
  linear(recording, `${at}.mlp.down_proj`, product, { hasBias: false, out: hidden, residual: true });
}

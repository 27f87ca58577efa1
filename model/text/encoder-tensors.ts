import type { TextEncoderConfig } from '../config/text-encoder-config.ts';
import type { TensorTable } from '../tensor-table.ts';

/** Names under which checkpoints keep the language model: the published one, and that of newer exports. */
const PREFIXES = ['model.', 'model.language_model.'] as const;

/** The prefix that a checkpoint uses; the published one where neither fits, so that what is missing gets listed. */
export function encoderPrefix(table: TensorTable): string {
  return PREFIXES.find((prefix) => table.info(`${prefix}embed_tokens.weight`) !== undefined) ?? PREFIXES[0];
}

/** Tensors of the same files that text features do not need: the vision tower, and the head that predicts tokens. */
export function isUnusedEncoderTensor(name: string): boolean {
  return name === 'lm_head.weight' || name.startsWith('visual.') || name.startsWith('model.visual.');
}

/** Names and shapes of the Qwen2.5-VL language model (spec qwen-image 3.1). */
export function encoderTensors(config: TextEncoderConfig, prefix: string): Map<string, readonly number[]> {
  const { hiddenSize, headDim, intermediateSize } = config;
  const keyWidth = config.numKeyValueHeads * headDim;
  const queryWidth = config.numAttentionHeads * headDim;
  const tensors = new Map<string, readonly number[]>([
    [`${prefix}embed_tokens.weight`, [config.vocabSize, hiddenSize]],
    [`${prefix}norm.weight`, [hiddenSize]],
  ]);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const at = `${prefix}layers.${layer}`;
    tensors.set(`${at}.input_layernorm.weight`, [hiddenSize]);
    tensors.set(`${at}.post_attention_layernorm.weight`, [hiddenSize]);
    for (const [name, out] of [
      ['q_proj', queryWidth],
      ['k_proj', keyWidth],
      ['v_proj', keyWidth],
    ] as const) {
      tensors.set(`${at}.self_attn.${name}.weight`, [out, hiddenSize]);
      tensors.set(`${at}.self_attn.${name}.bias`, [out]);
    }
    tensors.set(`${at}.self_attn.o_proj.weight`, [hiddenSize, queryWidth]);
    tensors.set(`${at}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
    tensors.set(`${at}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
    tensors.set(`${at}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
  }
  return tensors;
}

import type { TransformerConfig } from '../config/transformer-config.ts';
import { TIMESTEP_CHANNELS } from '../sampler/timestep-embedding.ts';

/** Width of the residual streams: heads x head size. */
export function hiddenSizeOf(config: TransformerConfig): number {
  return config.numAttentionHeads * config.attentionHeadDim;
}

/**
 * Names and shapes of a transformer checkpoint, exactly as published (spec qwen-image 1.2). Linear weights are
 * [out, in]. 32 tensors a block; LayerNorms and rotary embeddings have none.
 */
export function transformerTensors(config: TransformerConfig): Map<string, readonly number[]> {
  const width = hiddenSizeOf(config);
  const tensors = new Map<string, readonly number[]>();
  const linear = (name: string, out: number, inputs: number): void => {
    tensors.set(`${name}.weight`, [out, inputs]);
    tensors.set(`${name}.bias`, [out]);
  };
  linear('img_in', width, config.inChannels);
  tensors.set('txt_norm.weight', [config.jointAttentionDim]);
  linear('txt_in', width, config.jointAttentionDim);
  linear('time_text_embed.timestep_embedder.linear_1', width, TIMESTEP_CHANNELS);
  linear('time_text_embed.timestep_embedder.linear_2', width, width);
  if (config.useAdditionalTCond) tensors.set('time_text_embed.addition_t_embedding.weight', [2, width]);
  for (let block = 0; block < config.numLayers; block++) {
    const prefix = `transformer_blocks.${block}`;
    for (const stream of ['img', 'txt']) {
      linear(`${prefix}.${stream}_mod.1`, 6 * width, width);
      linear(`${prefix}.${stream}_mlp.net.0.proj`, 4 * width, width);
      linear(`${prefix}.${stream}_mlp.net.2`, width, 4 * width);
    }
    for (const name of ['to_q', 'to_k', 'to_v', 'to_out.0', 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'])
      linear(`${prefix}.attn.${name}`, width, width);
    for (const name of ['norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'])
      tensors.set(`${prefix}.attn.${name}.weight`, [config.attentionHeadDim]);
  }
  linear('norm_out.linear', 2 * width, width);
  linear('proj_out', config.patchSize ** 2 * config.outChannels, width);
  return tensors;
}

import { ConfigError } from '../../runtime/errors.ts';
import { ConfigReader } from './config-reader.ts';

/** Configuration of `QwenImageTransformer2DModel`, names as in config.json. Defaults are the published 20B model's. */
export interface TransformerConfig {
  /** Side of the square of latents that is one token. Default 2. */
  readonly patchSize: number;
  /** Channels of an image token, patchSize^2 x outChannels. Default 64. */
  readonly inChannels: number;
  /** Latent channels. Default 16. */
  readonly outChannels: number;
  /** Transformer blocks. Default 60. */
  readonly numLayers: number;
  /** Even. Default 128. */
  readonly attentionHeadDim: number;
  /** Default 24. */
  readonly numAttentionHeads: number;
  /** Width of the text encoder's features. Default 3584. */
  readonly jointAttentionDim: number;
  /** Not used by any released checkpoint. Default false. */
  readonly guidanceEmbeds: boolean;
  /** Rotary channels of the axes frame, height, width: even, their sum is attentionHeadDim. Default 16, 56, 56. */
  readonly axesDimsRope: readonly [frame: number, height: number, width: number];
  /** Clean tokens are modulated by t = 0 (Edit-2511, MRT). Default false. */
  readonly zeroCondT: boolean;
  /** The timestep embedding gets an added vector (Layered). Default false. */
  readonly useAdditionalTCond: boolean;
  /** Frame positions of Layered. Default false. */
  readonly useLayer3dRope: boolean;
}

/**
 * Parses and validates `transformer/config.json`. Rules: `test/golden/files.md` section 6.
 * @throws ConfigError with the broken rule.
 */
export function parseTransformerConfig(text: string | Uint8Array, path = 'transformer/config.json'): TransformerConfig {
  const config = ConfigReader.parse(text, path);
  config.requireClass('_class_name', 'QwenImageTransformer2DModel');
  const guidanceEmbeds = config.boolean('guidance_embeds', false);
  const zeroCondT = config.boolean('zero_cond_t', false);
  const useAdditionalTCond = config.boolean('use_additional_t_cond', false);
  const useLayer3dRope = config.boolean('use_layer3d_rope', false);
  const numLayers = config.integer('num_layers', 60, 1, 512);
  // a head size of 1 is in no range either, but "odd" says more
  const attentionHeadDim = config.integer(
    'attention_head_dim',
    128,
    config.get('attention_head_dim') === 1 ? 1 : 2,
    1024,
  );
  const numAttentionHeads = config.integer('num_attention_heads', 24, 1, 1024);
  if (numAttentionHeads * attentionHeadDim > 65_536)
    config.refuse('range', 'num_attention_heads', `such that heads x head size (${attentionHeadDim}) is at most 65536`);
  const jointAttentionDim = config.integer('joint_attention_dim', 3584, 1, 65_536);
  const patchSize = config.integer('patch_size', 2, 1, 16);
  const inChannels = config.integer('in_channels', 64, 1, 4096);
  const outChannels = config.integer('out_channels', 16, 1, 4096);
  const axes = config.integers('axes_dims_rope', [16, 56, 56]);
  if (attentionHeadDim % 2 !== 0)
    config.refuse('head-size', 'attention_head_dim', 'even: rotary embedding turns pairs');
  const [frame = 0, height = 0, width = 0] = axes;
  const areAxesEven = axes.length === 3 && axes.every((n) => n > 0 && n % 2 === 0);
  if (!areAxesEven || frame + height + width !== attentionHeadDim)
    throw new ConfigError(
      `${path}: axes_dims_rope must be three positive even numbers that sum to attention_head_dim (${attentionHeadDim}), ` +
        `got [${axes.slice(0, 8).join(', ')}].`,
      { rule: 'rope-axes', path },
    );
  if (inChannels !== patchSize * patchSize * outChannels)
    throw new ConfigError(
      `${path}: in_channels must be patch_size^2 x out_channels (${patchSize}^2 x ${outChannels}), got ${inChannels}.`,
      { rule: 'channels', path },
    );
  return {
    patchSize,
    inChannels,
    outChannels,
    numLayers,
    attentionHeadDim,
    numAttentionHeads,
    jointAttentionDim,
    guidanceEmbeds,
    axesDimsRope: [frame, height, width],
    zeroCondT,
    useAdditionalTCond,
    useLayer3dRope,
  };
}

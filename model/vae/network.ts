import type { VaeConfig } from '../config/vae-config.ts';
import { attentionBlock, DEPTH, residualBlock } from './blocks.ts';
import { convolve, type Picture, type PictureContext } from './picture.ts';
import { decoderSpec, encoderSpec } from './structure.ts';

/*
 * The network of AutoencoderKLQwenImage for one frame (diffusers `autoencoder_kl_qwenimage.py`; the VAE of WAN 2.1, arXiv
 * 2503.20314). With T = 1 every causal 3-D convolution is the 2-D convolution with its last temporal tap, and the
 * resamplers' temporal convolutions are skipped.
 */

/**
 * Names of the encoder's activations that may be kept, for a network with `levels` downsamplings: `encoder.conv_in`,
 * `encoder.down.N` (after level N's downsampling), `encoder.mid.attention` (with its residual), `encoder.mid`, `moments`.
 */
export function encoderActivations(levels: number): string[] {
  const downs = Array.from({ length: levels }, (_, level) => `encoder.down.${level}`);
  return ['encoder.conv_in', ...downs, 'encoder.mid.attention', 'encoder.mid', 'moments'];
}

/**
 * Names of the decoder's activations that may be kept, for a network with `levels` upsamplings: `post_quant`,
 * `decoder.mid.attention`, `decoder.mid`, `decoder.up.N` (after level N's upsampling).
 */
export function decoderActivations(levels: number): string[] {
  const ups = Array.from({ length: levels }, (_, level) => `decoder.up.${level}`);
  return ['post_quant', 'decoder.mid.attention', 'decoder.mid', ...ups];
}

/**
 * Encodes a picture [height, width, 3 or 4] in [-1, 1].
 *
 * @returns moments [height / 8, width / 8, 2 zDim]: the posterior's means, then its log variances
 */
export function recordEncoder(context: PictureContext, config: VaeConfig, pixels: Picture): Picture {
  const spec = encoderSpec(config);
  let x = convolve(
    context,
    pixels,
    { name: 'encoder.conv_in', ...spec.conv, kernel: 3, depth: DEPTH },
    { keepAs: 'encoder.conv_in' },
  );
  for (const [index, { blocks, resample }] of spec.levels.entries()) {
    for (const block of blocks) x = residualBlock(context, x, block);
    if (!resample) continue;
    const { prefix, inC, outC } = resample;
    const keepAs = `encoder.down.${index}`;
    x = convolve(context, x, { name: `${prefix}.resample.1`, inC, outC, kernel: 3 }, { stride: 2, keepAs });
  }
  x = middle(context, x, 'encoder', spec.middle);
  x = convolve(
    context,
    x,
    { name: 'encoder.conv_out', ...spec.head, kernel: 3, depth: DEPTH },
    { norm: { name: 'encoder.norm_out', gammaRank: 4, silu: true } },
  );
  const moments = 2 * config.zDim;
  return convolve(context, x, { name: 'quant_conv', inC: moments, outC: moments, kernel: 1 }, { keepAs: 'moments' });
}

/**
 * Decodes latents [height, width, zDim] (not normalised).
 *
 * @returns pixels [8 height, 8 width, 3 or 4], about [-1, 1], not clamped
 */
export function recordDecoder(context: PictureContext, config: VaeConfig, latents: Picture): Picture {
  const spec = decoderSpec(config);
  let x = convolve(
    context,
    latents,
    { name: 'post_quant_conv', inC: config.zDim, outC: config.zDim, kernel: 1 },
    { keepAs: 'post_quant' },
  );
  x = convolve(context, x, { name: 'decoder.conv_in', ...spec.conv, kernel: 3, depth: DEPTH });
  x = middle(context, x, 'decoder', spec.middle);
  for (const [index, { blocks, resample }] of spec.levels.entries()) {
    for (const block of blocks) x = residualBlock(context, x, block);
    if (!resample) continue;
    const { prefix, inC, outC } = resample;
    const keepAs = `decoder.up.${index}`;
    x = convolve(context, x, { name: `${prefix}.resample.1`, inC, outC, kernel: 3 }, { upsample: 2, keepAs });
  }
  return convolve(
    context,
    x,
    { name: 'decoder.conv_out', ...spec.head, kernel: 3, depth: DEPTH },
    { norm: { name: 'decoder.norm_out', gammaRank: 4, silu: true }, keepAs: 'pixels' },
  );
}

function middle(context: PictureContext, x: Picture, side: 'encoder' | 'decoder', channels: number): Picture {
  const block = (index: number) => ({
    prefix: `${side}.mid_block.resnets.${index}`,
    inC: channels,
    outC: channels,
  });
  const first = residualBlock(context, x, block(0));
  const attended = attentionBlock(context, first, `${side}.mid_block.attentions.0`, `${side}.mid.attention`);
  return residualBlock(context, attended, block(1), `${side}.mid`);
}

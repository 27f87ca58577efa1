import type { VaeConfig } from '../config/vae-config.ts';

/** A residual block: its names' prefix and channels. */
export interface ResidualSpec {
  readonly prefix: string;
  readonly inC: number;
  readonly outC: number;
}

/** A change of resolution at the end of a level. `hasTimeConv`: its checkpoint also holds a temporal convolution. */
export interface ResampleSpec {
  readonly prefix: string;
  readonly inC: number;
  readonly outC: number;
  readonly hasTimeConv: boolean;
}

/** One resolution level. The last one has no resample. */
export interface LevelSpec {
  readonly blocks: readonly ResidualSpec[];
  readonly resample: ResampleSpec | undefined;
}

/** Half of the autoencoder: conv_in, levels and middle (in the order that its direction says), norm_out, conv_out. */
export interface HalfSpec {
  /** Channels of conv_in's input and output. */
  readonly conv: { readonly inC: number; readonly outC: number };
  readonly levels: readonly LevelSpec[];
  /** Channels of the middle: residual, attention, residual. */
  readonly middle: number;
  /** Channels of norm_out, and of conv_out's output. */
  readonly head: { readonly inC: number; readonly outC: number };
}

/** Side of the pixel square that one latent pixel stands for: 8 in all published checkpoints. */
export function vaeScale(config: VaeConfig): number {
  return 2 ** (config.dimMult.length - 1);
}

/** Shape of the encoder (diffusers `QwenImageEncoder3d`): channels are base_dim times 1 and dim_mult. */
export function encoderSpec(config: VaeConfig): HalfSpec {
  const { baseDim, zDim, dimMult, numResBlocks, temperalDownsample, inputChannels } = config;
  const levels: LevelSpec[] = [];
  let channels = baseDim;
  let index = 0;
  dimMult.forEach((multiple, level) => {
    const blocks: ResidualSpec[] = [];
    for (let i = 0; i < numResBlocks; i++) {
      blocks.push({ prefix: `encoder.down_blocks.${index++}`, inC: channels, outC: baseDim * multiple });
      channels = baseDim * multiple;
    }
    const isLast = level + 1 === dimMult.length;
    const prefix = `encoder.down_blocks.${index}`;
    if (!isLast) index++;
    levels.push({
      blocks,
      resample: isLast
        ? undefined
        : { prefix, inC: channels, outC: channels, hasTimeConv: temperalDownsample[level] ?? false },
    });
  });
  return {
    conv: { inC: inputChannels, outC: baseDim },
    levels,
    middle: channels,
    head: { inC: channels, outC: 2 * zDim },
  };
}

/**
 * Shape of the decoder (diffusers `QwenImageDecoder3d`): levels run coarse to fine, and each upsampling halves the
 * channels, so a level begins with half of the previous level's.
 */
export function decoderSpec(config: VaeConfig): HalfSpec {
  const { baseDim, zDim, dimMult, numResBlocks, temperalDownsample, inputChannels } = config;
  const coarseFirst = [...dimMult].reverse().map((multiple) => baseDim * multiple);
  const timeFirst = [...temperalDownsample].reverse();
  const middle = coarseFirst[0];
  let channels = middle;
  const levels = coarseFirst.map((outC, level): LevelSpec => {
    const blocks: ResidualSpec[] = [];
    for (let i = 0; i <= numResBlocks; i++) {
      blocks.push({ prefix: `decoder.up_blocks.${level}.resnets.${i}`, inC: channels, outC });
      channels = outC;
    }
    if (level + 1 === coarseFirst.length) return { blocks, resample: undefined };
    channels = Math.floor(outC / 2);
    const prefix = `decoder.up_blocks.${level}.upsamplers.0`;
    return { blocks, resample: { prefix, inC: outC, outC: channels, hasTimeConv: timeFirst[level] ?? false } };
  });
  return {
    conv: { inC: zDim, outC: middle },
    levels,
    middle,
    head: { inC: channels, outC: inputChannels },
  };
}

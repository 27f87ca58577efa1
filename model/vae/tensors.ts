import { requireTensors, type TensorTable } from '../tensor-table.ts';
import type { VaeConfig } from '../config/vae-config.ts';
import { decoderSpec, encoderSpec, type HalfSpec } from './structure.ts';

type Shapes = Map<string, readonly number[]>;

/**
 * Names and shapes of the tensors that an `AutoencoderKLQwenImage` checkpoint must hold, as published: weights of 3-D
 * convolutions are [out, in, time, height, width], of 2-D ones [out, in, height, width].
 */
export function vaeTensors(config: VaeConfig): Shapes {
  const shapes: Shapes = new Map();
  addHalf(shapes, 'encoder', encoderSpec(config), 'levels-first');
  addHalf(shapes, 'decoder', decoderSpec(config), 'middle-first');
  conv3d(shapes, 'quant_conv', 2 * config.zDim, 2 * config.zDim, 1);
  conv3d(shapes, 'post_quant_conv', config.zDim, config.zDim, 1);
  return shapes;
}

/**
 * Tensors that published checkpoints also hold and a picture (one frame) never uses: the temporal convolutions of the
 * resamplers, which the reference skips for the first chunk of a video.
 */
export function unusedVaeTensors(config: VaeConfig): Shapes {
  const shapes: Shapes = new Map();
  const add = (prefix: string, outC: number, inC: number): void => {
    shapes.set(`${prefix}.time_conv.weight`, [outC, inC, 3, 1, 1]);
    shapes.set(`${prefix}.time_conv.bias`, [outC]);
  };
  for (const { resample } of encoderSpec(config).levels)
    if (resample?.hasTimeConv) add(resample.prefix, resample.inC, resample.inC);
  for (const { resample } of decoderSpec(config).levels)
    if (resample?.hasTimeConv) add(resample.prefix, 2 * resample.inC, resample.inC);
  return shapes;
}

/**
 * Checks a checkpoint against its configuration, both ways. Temporal convolutions may be there or not.
 *
 * @throws CheckpointError `tensors` that lists what is missing, misshapen or unexpected
 */
export function requireVaeTensors(config: VaeConfig, table: TensorTable): void {
  const unused = unusedVaeTensors(config);
  requireTensors('vae', table, vaeTensors(config), (name) => unused.has(name));
}

/**
 * The configuration with the picture channels of the checkpoint itself: config.json files from before RGBA say nothing
 * of them, and then the default (3) may be wrong. Other sizes are left alone and refused by `requireVaeTensors`.
 */
export function withStoredChannels(config: VaeConfig, table: TensorTable): VaeConfig {
  const stored = table.info('encoder.conv_in.weight')?.shape[1];
  return stored === 3 || stored === 4 ? { ...config, inputChannels: stored } : config;
}

function addHalf(shapes: Shapes, side: string, spec: HalfSpec, order: 'levels-first' | 'middle-first'): void {
  conv3d(shapes, `${side}.conv_in`, spec.conv.outC, spec.conv.inC, 3);
  if (order === 'middle-first') addMiddle(shapes, side, spec.middle);
  for (const level of spec.levels) {
    for (const { prefix, inC, outC } of level.blocks) residual(shapes, prefix, inC, outC);
    if (level.resample)
      conv2d(shapes, `${level.resample.prefix}.resample.1`, level.resample.outC, level.resample.inC, 3);
  }
  if (order === 'levels-first') addMiddle(shapes, side, spec.middle);
  shapes.set(`${side}.norm_out.gamma`, [spec.head.inC, 1, 1, 1]);
  conv3d(shapes, `${side}.conv_out`, spec.head.outC, spec.head.inC, 3);
}

function addMiddle(shapes: Shapes, side: string, channels: number): void {
  residual(shapes, `${side}.mid_block.resnets.0`, channels, channels);
  const attention = `${side}.mid_block.attentions.0`;
  shapes.set(`${attention}.norm.gamma`, [channels, 1, 1]);
  conv2d(shapes, `${attention}.to_qkv`, 3 * channels, channels, 1);
  conv2d(shapes, `${attention}.proj`, channels, channels, 1);
  residual(shapes, `${side}.mid_block.resnets.1`, channels, channels);
}

function residual(shapes: Shapes, prefix: string, inC: number, outC: number): void {
  shapes.set(`${prefix}.norm1.gamma`, [inC, 1, 1, 1]);
  conv3d(shapes, `${prefix}.conv1`, outC, inC, 3);
  shapes.set(`${prefix}.norm2.gamma`, [outC, 1, 1, 1]);
  conv3d(shapes, `${prefix}.conv2`, outC, outC, 3);
  if (inC !== outC) conv3d(shapes, `${prefix}.conv_shortcut`, outC, inC, 1);
}

function conv3d(shapes: Shapes, name: string, outC: number, inC: number, kernel: number): void {
  shapes.set(`${name}.weight`, [outC, inC, kernel, kernel, kernel]);
  shapes.set(`${name}.bias`, [outC]);
}

function conv2d(shapes: Shapes, name: string, outC: number, inC: number, kernel: number): void {
  shapes.set(`${name}.weight`, [outC, inC, kernel, kernel]);
  shapes.set(`${name}.bias`, [outC]);
}

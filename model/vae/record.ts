import type { DeviceFacts } from '../../kernels/facts.ts';
import type { ConvWeightDType } from '../../runtime/ops/conv2d.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { ProgramPlan } from '../../runtime/program/plan.ts';
import type { VaeConfig } from '../config/vae-config.ts';
import type { TensorTable } from '../tensor-table.ts';
import { weightDType, type WeightPrecision } from '../weight-precision.ts';
import { recordDecoder, recordEncoder } from './network.ts';
import { makePicture, stateBands, type Picture, type PictureContext } from './picture.ts';

/** Encode: pixels to moments; decode: latents to pixels. */
export type VaeDirection = 'encode' | 'decode';

/** A recorded direction for one size of input. */
export interface VaeRecording {
  readonly plan: ProgramPlan;
  readonly input: Picture;
  readonly output: Picture;
  readonly kept: ReadonlyMap<string, Picture>;
}

/**
 * Records one direction of the autoencoder. Pure: works without a device and, through a synthetic table, without weights.
 *
 * @param size height and width of the input: pixels when encoding, latents when decoding
 * @throws DeviceError `limit` if even bands of rows of an activation are more than the device can bind
 * @throws ShapeError if the picture is too small to be halved as often as the network does
 */
export function recordVae(
  facts: DeviceFacts,
  config: VaeConfig,
  table: TensorTable,
  direction: VaeDirection,
  size: { readonly height: number; readonly width: number },
  options: { readonly precision?: WeightPrecision; readonly wanted?: ReadonlySet<string> } = {},
): VaeRecording {
  const { precision = 'stored', wanted = new Set<string>() } = options;
  const { height, width } = size;
  const builder = new ProgramBuilder(facts, `vae ${direction} ${height}x${width}`);
  const kept = new Map<string, Picture>();
  const result = direction === 'encode' ? 'moments' : 'pixels';
  const context: PictureContext = {
    builder,
    weightDType: (tensor) => convDType(table, tensor, precision),
    wanted: new Set([...wanted, result]),
    kept,
  };
  const channels = direction === 'encode' ? config.inputChannels : config.zDim;
  const input = makePicture(builder, { height, width, channels }, 'input', stateBands(builder));
  const record = direction === 'encode' ? recordEncoder : recordDecoder;
  let output: Picture = input;
  builder.segment(direction, () => {
    output = record(context, config, input);
  });
  return { plan: builder.finish(), input, output, kept };
}

/** Convolutions have no integer forms (a VAE is small): under `int8`, `int4` and `w8a8` they stay as stored. */
function convDType(table: TensorTable, tensor: string, precision: WeightPrecision): ConvWeightDType {
  const isInteger = precision === 'int8' || precision === 'int4' || precision === 'w8a8';
  const dtype = weightDType(table, tensor, isInteger ? 'stored' : precision);
  return dtype === 'i8' || dtype === 'i4' ? 'f32' : dtype;
}

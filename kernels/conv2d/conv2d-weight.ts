import { ShapeError } from '../errors.ts';

/** How weights of a convolution lie on the device. */
export type ConvWeightDType = 'f32' | 'f16' | 'bf16';

/** Shape and size of a convolution's weight on the device. */
export interface Conv2dWeightLayout {
  /** [kernel, kernel, inC, padded outC]: output channels innermost, padded with zeros to a multiple of 4. */
  readonly shape: readonly [number, number, number, number];
  readonly byteLength: number;
}

/** Device layout of a weight: the one form that all variants of conv2d read. */
export function conv2dWeightLayout(
  outC: number,
  inC: number,
  kernel: 1 | 3,
  dtype: ConvWeightDType,
): Conv2dWeightLayout {
  const padded = Math.ceil(outC / 4) * 4;
  const count = kernel * kernel * inC * padded;
  return { shape: [kernel, kernel, inC, padded], byteLength: count * (dtype === 'f32' ? 4 : 2) };
}

/**
 * Reorders a weight from torch's [outC, inC, kernel, kernel] to the device's [kernel, kernel, inC, padded outC].
 *
 * Pure permutation: round to f16 or bf16 afterwards where wanted.
 *
 * @throws ShapeError if the number of values is not outC * inC * kernel^2
 */
export function packConv2dWeight(values: Float32Array, outC: number, inC: number, kernel: 1 | 3): Float32Array {
  const taps = kernel * kernel;
  if (values.length !== outC * inC * taps)
    throw new ShapeError(
      `conv2d: weight [${outC}, ${inC}, ${kernel}, ${kernel}] has ${outC * inC * taps} values, got ${values.length}.`,
    );
  const padded = Math.ceil(outC / 4) * 4;
  const packed = new Float32Array(taps * inC * padded);
  for (let o = 0; o < outC; o++)
    for (let c = 0; c < inC; c++)
      for (let tap = 0; tap < taps; tap++) packed[(tap * inC + c) * padded + o] = values[(o * inC + c) * taps + tap];
  return packed;
}

/**
 * The last temporal tap of a causal 3-D weight [outC, inC, depth, kernel, kernel], as [outC, inC, kernel, kernel].
 *
 * Causal convolutions pad the past with depth - 1 zero frames, so for a single frame (T = 1) every other tap is
 * multiplied by zeros: the 3-D convolution is exactly this 2-D one.
 *
 * @throws ShapeError if the number of values does not match
 */
export function lastTemporalTap(
  values: Float32Array,
  outC: number,
  inC: number,
  depth: number,
  kernel: 1 | 3,
): Float32Array {
  const taps = kernel * kernel;
  if (values.length !== outC * inC * depth * taps)
    throw new ShapeError(
      `conv2d: weight [${outC}, ${inC}, ${depth}, ${kernel}, ${kernel}] has ${outC * inC * depth * taps} values, got ${values.length}.`,
    );
  const last = new Float32Array(outC * inC * taps);
  for (let i = 0; i < outC * inC; i++)
    last.set(values.subarray((i * depth + depth - 1) * taps, (i + 1) * depth * taps), i * taps);
  return last;
}

import { ConfigError } from '../runtime/errors.ts';
import type { TensorTable } from './tensor-table.ts';

/** Names of the precisions. */
export const WEIGHT_PRECISIONS = ['stored', 'f32', 'f16', 'int8', 'int4', 'w8a8'] as const;

/**
 * How matrix weights lie on the device. `stored` keeps the checkpoint's own dtype where the device can read it exactly
 * (F32, F16, BF16; fp8 becomes f16, which holds it exactly) and computes in f32: exact, and the default. `int8` is
 * per output channel, symmetric; `int4` has a scale for each 64 inputs.
 *
 * `w8a8` multiplies some layers of the transformer in int8: weights and activations are both rotated and rounded to 8 bits
 * (`W8A8Options` says which layers); all other matrices are as under `f16`.
 */
export type WeightPrecision = (typeof WEIGHT_PRECISIONS)[number];

/**
 * What `w8a8` does to the transformer. In int8 are, of the image stream, the projections to queries, keys and values and the
 * one up into the MLP: their inputs come out of a LayerNorm and are bounded. Not in int8 are the text stream, the projections
 * back into the residual streams, and the blocks at both ends (spec kernels 5).
 */
export interface W8A8Options {
  /**
   * Blocks at each end that stay as under `f16`; 2 where absent. A model of no more than twice as many has no int8 layer
   * at all: give a smaller number there.
   */
  readonly edgeBlocks?: number;
  /** Whether rows and weights are rotated before they are rounded, which spreads outliers; true where absent. */
  readonly rotate?: boolean;
}

/** W8A8Options filled in for a transformer of `blocks` blocks. */
export interface W8A8Policy {
  readonly blocks: number;
  readonly edgeBlocks: number;
  readonly rotate: boolean;
}

/** @throws ConfigError `w8a8` if the number of edge blocks is not a whole number from 0 on */
export function w8a8Policy({ edgeBlocks = 2, rotate = true }: W8A8Options, blocks: number): W8A8Policy {
  if (!Number.isInteger(edgeBlocks) || edgeBlocks < 0)
    throw new ConfigError(`w8a8: edgeBlocks must be a whole number of at least 0, got ${edgeBlocks}.`, {
      rule: 'w8a8',
      path: 'edgeBlocks',
    });
  return { blocks, edgeBlocks, rotate };
}

/** Layers of the image stream whose inputs are modulated LayerNorms, by the checkpoint's names. */
const BOUNDED = /^transformer_blocks\.(\d+)\.(?:attn\.to_[qkv]|img_mlp\.net\.0\.proj)$/;

/** Whether a linear layer (name without `.weight`) multiplies in int8 under a policy. */
export function multipliesInt8(layer: string, { blocks, edgeBlocks }: W8A8Policy): boolean {
  const match = BOUNDED.exec(layer);
  if (!match) return false;
  const block = Number(match[1]);
  return block >= edgeBlocks && block < blocks - edgeBlocks;
}

/** Device dtype of a matrix weight under a precision; under `w8a8` of those that do not multiply in int8. */
export function weightDType(
  table: TensorTable,
  name: string,
  precision: WeightPrecision,
): 'f32' | 'f16' | 'bf16' | 'i8' | 'i4' {
  if (precision === 'int8') return 'i8';
  if (precision === 'int4') return 'i4';
  if (precision === 'w8a8') return 'f16';
  if (precision !== 'stored') return precision;
  const stored = table.info(name)?.dtype;
  if (stored === 'F16' || stored === 'F8_E4M3' || stored === 'F8_E5M2') return 'f16';
  return stored === 'BF16' ? 'bf16' : 'f32';
}

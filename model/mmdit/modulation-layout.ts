import type { TransformerConfig } from '../config/transformer-config.ts';
import { hiddenSizeOf } from './tensors.ts';

/** The six vectors of a block's stream, in the order of the checkpoint's rows (spec qwen-image 1.5). */
const BLOCK_VECTORS = { shift1: 0, scale1: 1, gate1: 2, shift2: 3, scale2: 4, gate2: 5 } as const;

export type BlockVector = keyof typeof BLOCK_VECTORS;
export type Stream = 'img' | 'txt';

/**
 * Where the modulation vectors of one timestep lie in a row of the modulation table: for each block the image
 * stream's six vectors, then the text stream's, and at the end the head's scale and shift. All f32.
 */
export class ModulationLayout {
  readonly width: number;
  readonly numBlocks: number;

  constructor(config: TransformerConfig) {
    this.width = hiddenSizeOf(config);
    this.numBlocks = config.numLayers;
  }

  /** Columns of a row. */
  get total(): number {
    return (12 * this.numBlocks + 2) * this.width;
  }

  /** First column of a stream's six vectors of a block. */
  streamColumn(block: number, stream: Stream): number {
    return (12 * block + (stream === 'img' ? 0 : 6)) * this.width;
  }

  /** First column of one vector of a block. */
  column(block: number, stream: Stream, vector: BlockVector): number {
    return this.streamColumn(block, stream) + BLOCK_VECTORS[vector] * this.width;
  }

  /** First column of the head's scale; its shift follows (the other way round than in the blocks). */
  get headScale(): number {
    return 12 * this.numBlocks * this.width;
  }

  get headShift(): number {
    return this.headScale + this.width;
  }
}

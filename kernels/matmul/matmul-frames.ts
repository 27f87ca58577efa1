import { wgsl as outer } from './matmul-outer.wgsl.ts';
import { wgsl as tiled } from './matmul-tiled.wgsl.ts';

/*
 * The frames of products without matrix units, the same for values and for words of i8 codes: which outputs an invocation
 * computes, how operands get there, how sums leave. `operands` are the parts that read elements and multiply them.
 */

/** What planMatmul needs to know of a variant. */
export interface FrameAlgorithm {
  readonly body: string;
  readonly prelude: string;
  readonly operands: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  /** Outputs of a workgroup. */
  readonly rows: number;
  readonly columns: number;
}

/** For software drivers: `rows` rows and four columns a lane; `lanes` are those of a workgroup. */
export function outerFrame(rows: number, lanes: number, operands: readonly string[]): FrameAlgorithm {
  const prelude = `const ROWS: u32 = ${rows}u;\n`;
  return { body: outer, prelude, operands, constants: { WG: lanes }, rows, columns: 4 * lanes };
}

/** For GPUs: tiles of `tile` x `tile` by way of workgroup memory; 64 or 128. */
export function tiledFrame(tile: number, operands: readonly string[]): FrameAlgorithm {
  const prelude = `const TILE: u32 = ${tile}u;\nconst DEPTH: u32 = ${2048 / tile}u;\nconst QUADS: u32 = ${tile / 64}u;\n`;
  return { body: tiled, prelude, operands, constants: {}, rows: tile, columns: tile };
}

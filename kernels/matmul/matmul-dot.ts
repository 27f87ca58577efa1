import { outerFrame, tiledFrame, type FrameAlgorithm } from './matmul-frames.ts';
import type { ResolvedMatmul } from './matmul-spec.ts';
import { wgsl as operands } from './dot-operands.wgsl.ts';
import { wgsl as outer } from './outer-dot.wgsl.ts';
import { wgsl as tiled } from './tiled-dot.wgsl.ts';

/*
 * matmul of i8 by i8 without matrix units: `dot4I8Packed` (WGSL language feature packed_4x8_integer_dot_product, which Dawn
 * offers everywhere and drivers map to their own instruction where they have one), sums of i32.
 */

/** `dot4`, `dot16`: rows a lane on software drivers. `dot64`, `dot128`: tiles in workgroup memory for GPUs. */
export type DotVariant = 'dot4' | 'dot16' | 'dot64' | 'dot128';

const ALL: readonly DotVariant[] = ['dot4', 'dot16', 'dot64', 'dot128'];

/** True for the names of these variants. */
export function isDotVariant(name: string): name is DotVariant {
  return (ALL as readonly string[]).includes(name);
}

/** Those that can run a problem, for a GPU and for a software driver, the one to prefer first. */
export function dotVariants({ m, n, x }: ResolvedMatmul): {
  readonly gpu: DotVariant[];
  readonly software: DotVariant[];
} {
  if (x.dtype !== 'i8') return { gpu: [], software: [] };
  const isLarge = Math.ceil(m / 128) * Math.ceil(n / 128) >= 128;
  return {
    gpu: isLarge ? ['dot128', 'dot64'] : ['dot64', 'dot128'],
    software: m <= 4 ? ['dot4', 'dot16'] : ['dot16', 'dot4'],
  };
}

/** The text of a variant; `lanes` are those of a workgroup of the software forms. */
export function describeDot(name: DotVariant, lanes: number): FrameAlgorithm {
  const size = Number(name.slice('dot'.length));
  return size <= 16 ? outerFrame(size, lanes, [operands, outer]) : tiledFrame(size, [operands, tiled]);
}

import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl } from './pixel-norm.wgsl.ts';

/** The VAE's norm: each pixel's channels are L2-normalised, times sqrt(channels) and gamma. */
export interface PixelNormOptions {
  readonly pixels: number;
  readonly channels: number;
  /** Apply SiLU to the result. */
  readonly silu?: boolean;
  readonly x?: RowView;
  readonly y?: RowView;
}

/** Names of the variants that run on a device, the planner's choice first. */
export function pixelNormVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans y = x / max(|x|, 1e-12) * sqrt(channels) * gamma, with optional SiLU, over x [pixels, channels] (NHWC).
 * Bindings: x, gamma [channels], y; all f32. There is no eps: the floor of 1e-12 is part of the checkpoint's definition.
 *
 * @throws ShapeError if a size is not a positive whole number or rows of a view overlap
 */
export function planPixelNorm(facts: DeviceFacts, options: PixelNormOptions, variant?: RowSchemeName): KernelPlan {
  const op = 'pixel_norm';
  const { pixels, channels, silu = false } = options;
  requireSizes(op, { pixels, channels });
  const x = resolveView(op, 'x', options.x, pixels, channels);
  const y = resolveView(op, 'y', options.y, pixels, channels);
  const vec4 = isVec4(channels, x.offset, x.stride, y.offset, y.stride);
  const width = vec4 ? 4 : 1;
  const scheme = layRows(op, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', pixels, channels / width, vec4);
  return {
    op,
    variant: `${scheme.label}${silu ? ',silu' : ''}`,
    sources: [...scheme.sources, wgsl],
    constants: { ...scheme.constants, SILU: silu ? 1 : 0 },
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'gamma', access: 'read', byteLength: channels * 4 },
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: pixels },
      { u32: channels / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { f32: Math.sqrt(channels) },
    ]),
    workgroups: scheme.workgroups,
    flops: pixels * channels * (silu ? 8 : 4),
    bytes: (2 * pixels * channels + channels) * 4,
  };
}

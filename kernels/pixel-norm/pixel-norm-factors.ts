import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl } from './pixel-norm-factors.wgsl.ts';

/** The statistics of the VAE's norm without the norm itself. */
export interface PixelFactorsOptions {
  readonly pixels: number;
  readonly channels: number;
  readonly x?: RowView;
  /** First element of y. */
  readonly yOffset?: number;
}

/**
 * Plans y = sqrt(channels) / max(|x|, 1e-12) for each pixel of x [pixels, channels]: x * y * gamma is `planPixelNorm`'s
 * result, for a convolution that normalises as it reads. Bindings: x, y [pixels]; f32.
 *
 * @throws ShapeError if a size is not a positive whole number or rows of the view overlap
 */
export function planPixelFactors(
  facts: DeviceFacts,
  options: PixelFactorsOptions,
  variant?: RowSchemeName,
): KernelPlan {
  const op = 'pixel_norm';
  const { pixels, channels, yOffset = 0 } = options;
  requireSizes(op, { pixels, channels });
  const x = resolveView(op, 'x', options.x, pixels, channels);
  const vec4 = isVec4(channels, x.offset, x.stride);
  const width = vec4 ? 4 : 1;
  const scheme = layRows(op, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', pixels, channels / width, vec4);
  return {
    op,
    variant: `factors,${scheme.label}`,
    sources: [...scheme.sources, wgsl],
    constants: scheme.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'y', access: 'read_write', byteLength: (yOffset + pixels) * 4 },
    ],
    uniform: packUniform([
      { u32: pixels },
      { u32: channels / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: yOffset },
      { f32: Math.sqrt(channels) },
    ]),
    workgroups: scheme.workgroups,
    flops: pixels * channels * 2,
    bytes: (pixels * channels + pixels) * 4,
  };
}

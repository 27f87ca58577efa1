import type { DeviceFacts } from '../facts.ts';
import { requireEps } from '../norm-eps.ts';
import type { KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl as inverseRoot } from '../wgsl-lib/inverse-root.wgsl.ts';
import { wgsl } from './rms-norm.wgsl.ts';

/** One RMSNorm over the last axis of `x` [rows, columns] f32, with a weight. */
export interface RmsNormOptions {
  readonly rows: number;
  readonly columns: number;
  /** Added to the mean square under the root; positive and normal in f32. */
  readonly eps: number;
  readonly x?: RowView;
  readonly y?: RowView;
}

/** Names of the variants that run on a device, the planner's choice first. */
export function rmsNormVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans y = x / sqrt(mean(x^2) + eps) * weight. Bindings: x, weight [columns], y; all f32.
 *
 * @throws ShapeError if a size is not a positive whole number, eps not positive and normal in f32, or rows of a view overlap
 */
export function planRmsNorm(facts: DeviceFacts, options: RmsNormOptions, variant?: RowSchemeName): KernelPlan {
  const { rows, columns, eps } = options;
  requireSizes('rms_norm', { rows, columns });
  requireEps('rms_norm', 'eps', eps);
  const x = resolveView('rms_norm', 'x', options.x, rows, columns);
  const y = resolveView('rms_norm', 'y', options.y, rows, columns);
  const vec4 = isVec4(columns, x.offset, x.stride, y.offset, y.stride);
  const width = vec4 ? 4 : 1;
  const scheme = layRows('rms_norm', facts, variant ?? rowSchemes(facts)[0] ?? 'lane', rows, columns / width, vec4);
  return {
    op: 'rms_norm',
    variant: scheme.label,
    sources: [...scheme.sources, inverseRoot, wgsl],
    constants: scheme.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'weight', access: 'read', byteLength: columns * 4 },
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { f32: columns },
      { f32: eps },
    ]),
    workgroups: scheme.workgroups,
    flops: rows * columns * 4,
    bytes: (2 * rows * columns + columns) * 4,
  };
}

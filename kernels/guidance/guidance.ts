import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl } from './guidance.wgsl.ts';

/** Classifier-free guidance of two predictions [rows, channels]. */
export interface GuidanceOptions {
  readonly rows: number;
  readonly channels: number;
  /** 1 = the positive prediction alone. */
  readonly scale: number;
  /** Give each row the L2 norm that the positive prediction has there. */
  readonly rescale: boolean;
  readonly positive?: RowView;
  readonly negative?: RowView;
  readonly y?: RowView;
}

/** Names of the variants that run on a device, the planner's choice first. */
export function guidanceVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans y = negative + scale * (positive - negative), and with `rescale` each row times |positive| / |y|.
 * Bindings: positive, negative, y; all f32.
 *
 * @throws ShapeError if a size is not a positive whole number or rows of a view overlap
 */
export function planGuidance(facts: DeviceFacts, options: GuidanceOptions, variant?: RowSchemeName): KernelPlan {
  const op = 'guidance';
  const { rows, channels, scale, rescale } = options;
  requireSizes(op, { rows, channels });
  const positive = resolveView(op, 'positive', options.positive, rows, channels);
  const negative = resolveView(op, 'negative', options.negative, rows, channels);
  const y = resolveView(op, 'y', options.y, rows, channels);
  const views = [positive, negative, y];
  const vec4 = isVec4(channels, ...views.flatMap((view) => [view.offset, view.stride]));
  const width = vec4 ? 4 : 1;
  const scheme = layRows(op, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', rows, channels / width, vec4);
  return {
    op,
    variant: `${scheme.label}${rescale ? ',rescale' : ''}`,
    sources: [...scheme.sources, wgsl],
    constants: { ...scheme.constants, RESCALE: rescale ? 1 : 0 },
    bindings: [
      { name: 'positive', access: 'read', byteLength: positive.end * 4 },
      { name: 'negative', access: 'read', byteLength: negative.end * 4 },
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: channels / width },
      ...views.flatMap((view) => [{ u32: view.offset / width }, { u32: view.stride / width }]),
      { f32: scale },
    ]),
    workgroups: scheme.workgroups,
    flops: rows * channels * (rescale ? 11 : 3),
    bytes: 3 * rows * channels * 4,
  };
}

import type { DeviceFacts } from '../facts.ts';
import { requireEps } from '../norm-eps.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { ShapeError } from '../errors.ts';
import { packUniform } from '../uniform.ts';
import { wgsl as inverseRoot } from '../wgsl-lib/inverse-root.wgsl.ts';
import { wgsl as body } from './layer-norm-modulate.wgsl.ts';
import { wgsl as indexed } from './modulation-indexed.wgsl.ts';
import { wgsl as single } from './modulation-single.wgsl.ts';

/** The table of modulation vectors, and where shift and scale lie in its rows. Counted in f32 elements. */
export interface ModulationView {
  /** Rows in the table; every row index must be below it. 1 where absent. */
  readonly rows?: number;
  /** Elements from a row to the next; may be 0 for a table of one row. */
  readonly stride: number;
  /** Of the first row's shift. */
  readonly shiftOffset: number;
  /** Of the first row's scale. */
  readonly scaleOffset: number;
}

/** LayerNorm of x [rows, columns] without affine, then * (1 + scale) + shift, picked per row. */
export interface LayerNormModulateOptions {
  readonly rows: number;
  readonly columns: number;
  /** Added to the variance under the root; positive and normal in f32. */
  readonly eps: number;
  readonly modulation: ModulationView;
  /** Whether a binding `index` (u32, one per row) picks the modulation row; else all rows take row 0. */
  readonly indexed?: boolean;
  /** First element of `index` to use. */
  readonly indexOffset?: number;
  readonly x?: RowView;
  readonly y?: RowView;
}

/** Names of the variants that run on a device, the planner's choice first. */
export function layerNormModulateVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans y = LN(x) * (1 + scale) + shift. Bindings: x, modulation, [index u32], y.
 *
 * @throws ShapeError if a size is not a positive whole number, eps not positive and normal in f32, rows overlap, or the
 *   modulation table is inconsistent
 */
export function planLayerNormModulate(
  facts: DeviceFacts,
  options: LayerNormModulateOptions,
  variant?: RowSchemeName,
): KernelPlan {
  const op = 'layer_norm_modulate';
  const { rows, columns, eps, modulation, indexOffset = 0 } = options;
  const tableRows = modulation.rows ?? 1;
  requireSizes(op, { rows, columns, 'modulation.rows': tableRows });
  requireEps(op, 'eps', eps);
  const x = resolveView(op, 'x', options.x, rows, columns);
  const y = resolveView(op, 'y', options.y, rows, columns);
  const shift = resolveView(
    op,
    'shift',
    { offset: modulation.shiftOffset, stride: modulation.stride },
    tableRows,
    columns,
  );
  const scale = resolveView(
    op,
    'scale',
    { offset: modulation.scaleOffset, stride: modulation.stride },
    tableRows,
    columns,
  );
  if (!Number.isInteger(indexOffset) || indexOffset < 0)
    throw new ShapeError(`${op}: indexOffset must be a whole number of at least 0, got ${indexOffset}.`);
  const vec4 = isVec4(columns, x.offset, x.stride, y.offset, y.stride, shift.offset, scale.offset, shift.stride);
  const width = vec4 ? 4 : 1;
  const scheme = layRows(op, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', rows, columns / width, vec4);
  const index: BindingSpec[] = options.indexed
    ? [{ name: 'index', access: 'read', byteLength: (indexOffset + rows) * 4 }]
    : [];
  return {
    op,
    variant: `${scheme.label},${options.indexed ? 'indexed' : 'single'}`,
    sources: [...scheme.sources, inverseRoot, body, options.indexed ? indexed : single],
    constants: scheme.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'modulation', access: 'read', byteLength: Math.max(shift.end, scale.end) * 4 },
      ...index,
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { u32: shift.stride / width },
      { u32: shift.offset / width },
      { u32: scale.offset / width },
      { u32: indexOffset },
      { f32: columns },
      { f32: eps },
    ]),
    workgroups: scheme.workgroups,
    flops: rows * columns * 8,
    bytes: (2 * rows * columns + 2 * tableRows * columns) * 4,
  };
}

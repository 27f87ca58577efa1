import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { requireEps } from '../norm-eps.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl as inverseRoot } from '../wgsl-lib/inverse-root.wgsl.ts';
import { wgsl as body } from './qk-norm-rope.wgsl.ts';
import { wgsl as tablesNormRope } from './tables-norm-rope.wgsl.ts';
import { wgsl as tablesNorm } from './tables-norm.wgsl.ts';
import { wgsl as tablesRope } from './tables-rope.wgsl.ts';

/** Which elements of a head turn together: neighbours (2k, 2k+1), or (k, k + headDim/2). */
export type RopePairs = 'interleaved' | 'half';

/** Per-head RMSNorm and rotation of q or k, in place. At least one of the two. */
export interface QkNormRopeOptions {
  readonly rows: number;
  readonly heads: number;
  /** Even. */
  readonly headDim: number;
  /** Where the rows [rows, heads * headDim] lie in `x`. */
  readonly x?: RowView;
  /** RMSNorm of each head with binding `weight` [headDim], eps positive and normal in f32; absent: no norm. */
  readonly norm?: { readonly eps: number };
  /** Rotation by bindings `cosines` and `sines`, a row of headDim/2 angles per token; absent: none. */
  readonly rope?: { readonly pairs: RopePairs; readonly table?: RowView };
}

/** Names of the variants that run on a device, the planner's choice first. */
export function qkNormRopeVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans h = RMSNorm(h) * weight followed by (a, b) -> (a cos - b sin, a sin + b cos) on each head of each row.
 * Bindings: [weight], [cosines, sines], x (read_write); all f32.
 *
 * @throws ShapeError if headDim is odd, neither step is asked for, norm.eps is not positive and normal in f32, or a size or view
 *   is wrong
 */
export function planQkNormRope(facts: DeviceFacts, options: QkNormRopeOptions, variant?: RowSchemeName): KernelPlan {
  const op = 'qk_norm_rope';
  const { rows, heads, headDim, norm, rope } = options;
  requireSizes(op, { rows, heads, headDim });
  if (norm) requireEps(op, 'norm.eps', norm.eps);
  if (headDim % 2 !== 0) throw new ShapeError(`${op}: headDim must be even, got ${headDim}.`);
  if (!norm && !rope) throw new ShapeError(`${op}: needs a norm or a rotation, got neither.`);
  const x = resolveView(op, 'x', options.x, rows, heads * headDim);
  const pairs = headDim / 2;
  const table = resolveView(op, 'rotation table', rope?.table, rows, pairs);
  const scheme = layRows(op, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', rows * heads, pairs, false);
  const weightBinding: BindingSpec = { name: 'weight', access: 'read', byteLength: headDim * 4 };
  const bindings: BindingSpec[] = norm ? [weightBinding] : [];
  if (rope)
    bindings.push(
      { name: 'cosines', access: 'read', byteLength: table.end * 4 },
      { name: 'sines', access: 'read', byteLength: table.end * 4 },
    );
  const tables = norm ? (rope ? tablesNormRope : tablesNorm) : tablesRope;
  return {
    op,
    variant: `${scheme.label},${norm ? 'norm' : ''}${rope ? (norm ? '+' : '') + rope.pairs : ''}`,
    sources: [...scheme.sources, inverseRoot, tables, body],
    constants: { ...scheme.constants, HALF: rope?.pairs === 'half' ? 1 : 0, NORM: norm ? 1 : 0 },
    bindings: [...bindings, { name: 'x', access: 'read_write', byteLength: x.end * 4 }],
    uniform: packUniform([
      { u32: rows },
      { u32: heads },
      { u32: pairs },
      { u32: x.offset },
      { u32: x.stride },
      { u32: table.offset },
      { u32: table.stride },
      { f32: norm?.eps ?? 0 },
    ]),
    workgroups: scheme.workgroups,
    flops: rows * heads * headDim * ((norm ? 4 : 0) + (rope ? 3 : 0)),
    bytes: (2 * rows * heads * headDim + (rope ? rows * headDim : 0)) * 4,
  };
}

import { planQkNormRope, type RopePairs } from '../../kernels/qk-norm-rope/qk-norm-rope.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** Rotation angles of a run of tokens: f32 [rows, headDim / 2] each (windows of rows allowed). */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
  readonly pairs: RopePairs;
}

/**
 * Per-head RMSNorm and rotation of q or k, in place: `x` f32 [rows, heads * headDim] (windows allowed).
 *
 * @param args.norm weight f32 [headDim] and eps; absent: no norm
 */
export function qkNormRope(
  builder: ProgramBuilder,
  args: { x: Value; heads: number; norm?: { weight: Value; eps: number }; rope?: Rotation },
): void {
  const op = 'qk_norm_rope';
  const { x, heads, norm, rope } = args;
  requireDType(op, 'x', x, 'f32');
  const [rows, columns] = x.shape;
  const headDim = columns / heads;
  requireShape(op, 'x', x, [rows, heads * Math.floor(headDim)]);
  if (norm) requireShape(op, 'weight', norm.weight, [headDim]);
  if (rope) {
    requireShape(op, 'cos', rope.cos, [rows, headDim / 2]);
    requireShape(op, 'sin', rope.sin, [rows, headDim / 2]);
  }
  const plan = planQkNormRope(builder.facts, {
    rows,
    heads,
    headDim,
    x: viewOf(x),
    ...(norm ? { norm: { eps: norm.eps } } : {}),
    ...(rope ? { rope: { pairs: rope.pairs, table: viewOf(rope.cos) } } : {}),
  });
  builder.dispatch(plan, [...(norm ? [norm.weight] : []), ...(rope ? [rope.cos, rope.sin] : []), x]);
}

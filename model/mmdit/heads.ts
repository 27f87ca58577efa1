import { matmulFusesHeads } from '../../runtime/ops/matmul.ts';
import { qkNormRope, type Rotation } from '../../runtime/ops/qk-norm-rope.ts';
import { concatenatedWeight, vectorWeight } from '../../runtime/ops/vector-weight.ts';
import type { Value } from '../../runtime/program/plan.ts';
import { linear, linearForm, type Recording } from '../recording.ts';

/** A stream's projection to heads. */
export interface HeadProjection {
  /** Linear layers to queries, keys and values, as many columns each. */
  readonly layers: readonly [q: string, k: string, v: string];
  /** RMSNorms of the heads of queries and of keys, names without `.weight`. */
  readonly norms: readonly [q: string, k: string];
  /** f32 [rows, in]. */
  readonly x: Value;
  /** f32 [rows, 3 * width]: q, k and v side by side. */
  readonly out: Value;
  readonly headDim: number;
  readonly eps: number;
  /** Angles of the rows. */
  readonly rotation: Rotation;
}

/**
 * Records q, k and v of a stream: projected, q and k normed by head and turned. In one kernel where the device's matrix
 * unit can; else the product first, then q and k in place.
 */
export function recordHeads(recording: Recording, projection: HeadProjection): void {
  const { builder } = recording;
  const { layers, norms, x, out, headDim, eps, rotation } = projection;
  const [m, n] = out.shape;
  const { dtype, isInt8 } = linearForm(recording, layers[0]);
  const product = { m, n, k: x.shape[1], x: isInt8 ? 'i8' : 'f32', dtype } as const;
  const names = norms.map((name) => `${name}.weight`);
  if (matmulFusesHeads(builder, { ...product, headDim, pairs: rotation.pairs })) {
    const weights = concatenatedWeight(builder, names, [headDim, headDim]);
    linear(recording, layers, x, { out, heads: { dim: headDim, eps, norms: weights, rope: rotation } });
    return;
  }
  linear(recording, layers, x, { out });
  const width = n / 3;
  names.forEach((name, i) =>
    qkNormRope(builder, {
      x: builder.columns(out, i * width, width),
      heads: width / headDim,
      norm: { weight: vectorWeight(builder, name, [headDim]), eps },
      rope: rotation,
    }),
  );
}

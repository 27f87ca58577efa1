import { planAttention } from '../../kernels/attention/attention.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** Operands of softmax attention; heads lie side by side in the columns. All f32, windows allowed. */
export interface AttentionArgs {
  /** [queryRows, heads * headDim]. */
  readonly q: Value;
  /** [keyRows, keyHeads * headDim]. */
  readonly k: Value;
  readonly v: Value;
  readonly heads: number;
  /** A divisor of `heads`; `heads` where absent. */
  readonly keyHeads?: number;
  /** u32 [keyRows]: keys whose word is 0 are hidden. */
  readonly mask?: Value;
  /** Query row i sees keys 0 ... i + offset only. */
  readonly causal?: { readonly offset: number };
  readonly out?: Value;
}

/** out = softmax(q k^T / sqrt(headDim)) v for each head -> f32 [queryRows, heads * headDim]. */
export function attention(builder: ProgramBuilder, args: AttentionArgs): Value {
  const op = 'attention';
  const { q, k, v, heads, keyHeads = heads, mask, causal } = args;
  requireDType(op, 'q', q, 'f32');
  requireShape(op, 'q', q, [-1, -1]);
  const [queryRows, columns] = q.shape;
  const headDim = columns / heads;
  requireShape(op, 'q', q, [queryRows, heads * Math.floor(headDim)]);
  requireShape(op, 'k', k, [-1, keyHeads * headDim]);
  const keyRows = k.shape[0];
  requireShape(op, 'v', v, [keyRows, keyHeads * headDim]);
  if (mask) requireShape(op, 'mask', mask, [keyRows]);
  const out = args.out ?? builder.temp('f32', [queryRows, columns], op);
  requireShape(op, 'out', out, q.shape);
  const plan = planAttention(builder.facts, {
    queryRows,
    keyRows,
    heads,
    keyHeads,
    headDim,
    q: viewOf(q),
    k: viewOf(k),
    v: viewOf(v),
    out: viewOf(out),
    ...(mask ? { masked: true, maskOffset: mask.offset } : {}),
    ...(causal ? { causal } : {}),
  });
  builder.dispatch(plan, mask ? [q, k, v, mask, out] : [q, k, v, out]);
  return out;
}

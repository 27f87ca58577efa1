import { planMatmul } from '../../kernels/matmul/matmul.ts';
import { planSoftmax } from '../../kernels/softmax/softmax.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import type { Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * The rows of softmax(q k^T / sqrt(headDim)) of chosen heads, written out: what attention never keeps. For looking into a
 * model; memory grows with queryRows * keyRows.
 *
 * @param args.q f32 [queryRows, heads * headDim], heads side by side (windows allowed)
 * @param args.k f32 [keyRows, heads * headDim]
 * @param args.chosen heads, 0 ... heads - 1
 * @param args.out f32 [chosen.length, queryRows, keyRows], whole
 */
export function attentionWeights(
  builder: ProgramBuilder,
  args: { q: Value; k: Value; heads: number; chosen: readonly number[]; out: Value },
): void {
  const op = 'attention_weights';
  const { q, k, heads, chosen, out } = args;
  requireDType(op, 'q', q, 'f32');
  requireShape(op, 'q', q, [-1, -1]);
  requireDType(op, 'k', k, 'f32');
  requireShape(op, 'k', k, [-1, q.shape[1]]);
  requireDType(op, 'out', out, 'f32');
  const [queryRows, columns] = q.shape;
  const keyRows = k.shape[0];
  requireShape(op, 'out', out, [chosen.length, queryRows, keyRows]);
  const headDim = columns / heads;
  const view = (value: Value, head: number) => ({
    offset: value.offset + head * headDim,
    stride: value.stride ?? columns,
  });
  chosen.forEach((head, i) => {
    if (!Number.isInteger(head) || head < 0 || head >= heads)
      throw new ShapeError(`${op}: heads are numbered 0 to ${heads - 1}, got ${head}.`);
    const rows = { offset: out.offset + i * queryRows * keyRows, stride: keyRows };
    const products = planMatmul(builder.facts, {
      m: queryRows,
      n: keyRows,
      k: headDim,
      x: view(q, head),
      w: { ...view(k, head), dtype: 'f32', order: 'nk' },
      out: rows,
      alpha: 1 / Math.sqrt(headDim),
    });
    builder.dispatch(products, [q, k, out]);
    builder.dispatch(planSoftmax(builder.facts, { rows: queryRows, columns: keyRows, y: rows }), [out]);
  });
}

import { attentionVariants, isMatrixAttention, planAttention } from '../../kernels/attention/attention.ts';
import { planMatmul } from '../../kernels/matmul/matmul.ts';
import { planSoftmax } from '../../kernels/softmax/softmax.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { isWhole, viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * `fused` = one kernel that never writes scores out. `three-pass` = scores, softmax and weighted sum one after the other:
 * faster on software drivers, at the price of a buffer for the scores.
 */
export type AttentionForm = 'fused' | 'three-pass';

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
  /** u32 [keyRows]: keys whose word is 0 are hidden. With form `fused` only. */
  readonly mask?: Value;
  /** Query row i sees keys 0 ... i + offset only. */
  readonly causal?: { readonly offset: number };
  readonly out?: Value;
  /** The device's better one where absent. */
  readonly form?: AttentionForm;
  /**
   * Estimate from above of the length of each key's vector, where q and k were normalised: with it GPUs use their matrix
   * units (f16 products, f32 softmax). A wrong one costs time, never correctness.
   */
  readonly keyNorm?: number;
  /** A power of two that brings v into f16's range where it is rounded to f16; the result is the same. */
  readonly vScale?: number;
  /** f32 [heads, queryRows]: gets the log of the sum of exponentials of each row's scores. Matrix units only. */
  readonly lse?: Value;
  /** Bytes of scores that `three-pass` keeps at a time; it works in slices of heads and rows where they are more. */
  readonly scoreBytes?: number;
}

/** Bytes of scores at a time where the caller does not say: within any device's binding limit, large enough to be busy. */
const SCORE_BYTES = 64 * 1024 * 1024;

/**
 * Multiply-adds of a product from which on three passes beat the fused kernel on software drivers (Mesa 26.1.6: 2 to 10
 * times as fast at 256 rows). Under causality the fused kernel skips half of them.
 */
const THREE_PASS_FROM = { full: 2e5, causal: 5e5 } as const;

/** out = softmax(q k^T / sqrt(headDim)) v for each head -> f32 [queryRows, heads * headDim]. */
export function attention(builder: ProgramBuilder, args: AttentionArgs): Value {
  const op = 'attention';
  const { q, k, v, heads, keyHeads = heads, mask, causal, keyNorm, vScale, lse } = args;
  requireDType(op, 'q', q, 'f32');
  requireDType(op, 'k', k, 'f32');
  requireDType(op, 'v', v, 'f32');
  requireShape(op, 'q', q, [-1, -1]);
  const [queryRows, columns] = q.shape;
  const headDim = columns / heads;
  requireShape(op, 'q', q, [queryRows, heads * Math.floor(headDim)]);
  requireShape(op, 'k', k, [-1, keyHeads * headDim]);
  const keyRows = k.shape[0];
  requireShape(op, 'v', v, [keyRows, keyHeads * headDim]);
  if (mask) {
    requireDType(op, 'mask', mask, 'u32');
    requireShape(op, 'mask', mask, [keyRows]);
  }
  const out = args.out ?? builder.temp('f32', [queryRows, columns], op);
  requireShape(op, 'out', out, q.shape);
  const shape: Shape = { queryRows, keyRows, heads, keyHeads, headDim };
  if (mask && args.form === 'three-pass') throw new ShapeError(`${op}: form "three-pass" takes no mask. Use "fused".`);
  if (lse) {
    requireDType(op, 'lse', lse, 'f32');
    requireShape(op, 'lse', lse, [heads, queryRows]);
    if (!isWhole(lse)) throw new ShapeError(`${op}: lse must be a whole tensor.`);
    if (args.form === 'three-pass') throw new ShapeError(`${op}: form "three-pass" writes no lse. Use "fused".`);
  }
  const form = args.form ?? chooseForm(builder, shape, args);
  if (form === 'three-pass') return threePass(builder, { ...args, out }, shape);
  const plan = planAttention(builder.facts, {
    ...shape,
    q: viewOf(q),
    k: viewOf(k),
    v: viewOf(v),
    out: viewOf(out),
    ...(mask ? { masked: true, maskOffset: mask.offset } : {}),
    ...(causal ? { causal } : {}),
    ...(keyNorm !== undefined ? { keyNorm } : {}),
    ...(vScale !== undefined ? { vScale } : {}),
    lse: lse !== undefined,
  });
  builder.dispatch(plan, [q, k, v, ...(mask ? [mask] : []), out, ...(lse ? [lse] : [])]);
  return out;
}

interface Shape {
  readonly queryRows: number;
  readonly keyRows: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headDim: number;
}

/** Software drivers run matrix products several times as fast as the fused kernel; GPUs the other way round. */
function chooseForm(
  builder: ProgramBuilder,
  shape: Shape,
  { mask, causal, keyNorm, lse }: AttentionArgs,
): AttentionForm {
  if (builder.facts.kind === 'gpu' || mask || lse) return 'fused';
  const options = { ...shape, ...(keyNorm !== undefined ? { keyNorm } : {}), ...(causal ? { causal } : {}) };
  if (isMatrixAttention(attentionVariants(builder.facts, options)[0])) return 'fused';
  const products = shape.queryRows * shape.keyRows * shape.heads * shape.headDim;
  return products < THREE_PASS_FROM[causal ? 'causal' : 'full'] ? 'fused' : 'three-pass';
}

/** Scores, softmax, weighted sum, in slices of heads (whole groups) and query rows so that the scores fit their budget. */
function threePass(builder: ProgramBuilder, args: AttentionArgs & { out: Value }, shape: Shape): Value {
  const { q, k, v, out, causal, scoreBytes = SCORE_BYTES } = args;
  const { queryRows, keyRows, heads, keyHeads, headDim } = shape;
  const { facts } = builder;
  const group = heads / keyHeads;
  // Rows of scores start at multiples of 4, which is what vec4 access wants.
  const stride = Math.ceil(keyRows / 4) * 4;
  const budget = Math.floor(Math.min(scoreBytes, facts.limits.maxStorageBufferBindingSize) / (4 * stride));
  const rows = Math.max(1, Math.min(queryRows, budget));
  const groups = Math.min(keyHeads, Math.floor(budget / (rows * group)));
  const batches = groups > 0 ? groups * group : 1;
  const scores = builder.temp('f32', [batches * rows, stride], 'attention scores');
  for (let head = 0; head < heads; head += batches)
    for (let row = 0; row < queryRows; row += rows) {
      const batch = Math.min(batches, heads - head);
      const m = Math.min(rows, queryRows - row);
      const keyHead = Math.floor(head / group);
      const ofQuery = (value: Value) => headView(value, row, head * headDim, headDim);
      const ofKeys = (value: Value) => ({
        ...headView(value, 0, keyHead * headDim, headDim),
        dtype: 'f32' as const,
        batchGroup: Math.min(group, batch),
      });
      const slice = { stride, batchStride: m * stride };
      const products = planMatmul(facts, {
        m,
        n: keyRows,
        k: headDim,
        batch,
        x: ofQuery(q),
        w: { ...ofKeys(k), order: 'nk' },
        out: slice,
        alpha: 1 / Math.sqrt(headDim),
      });
      builder.dispatch(products, [q, k, scores]);
      const weights = planSoftmax(facts, {
        rows: batch * m,
        columns: keyRows,
        y: { stride },
        ...(causal ? { causal: { offset: causal.offset + row, queryRows: m } } : {}),
      });
      builder.dispatch(weights, [scores]);
      const sums = planMatmul(facts, {
        m,
        n: headDim,
        k: keyRows,
        batch,
        x: slice,
        w: { ...ofKeys(v), order: 'kn' },
        out: ofQuery(out),
      });
      builder.dispatch(sums, [scores, v, out]);
    }
  return out;
}

/** The columns of a head, from a row on; the next head of the batch is `headDim` columns further. */
function headView(value: Value, row: number, column: number, headDim: number) {
  const stride = value.stride ?? value.shape[1];
  return { offset: value.offset + row * stride + column, stride, batchStride: headDim };
}

import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { attentionRow } from './attention.reference.ts';
import { attentionVariants, planAttention, type AttentionVariant } from './attention.ts';

interface Shape {
  readonly queryRows: number;
  readonly keyRows?: number;
  readonly heads: number;
  readonly keyHeads?: number;
  readonly headDim: number;
  /** `some`: every third key hidden, with NaN in its k and v; `none`: all keys hidden. */
  readonly mask?: 'some' | 'none';
  readonly causal?: number;
  readonly scale?: number;
  /** `large`: logits of about 80; `equal`: all keys alike (uniform weights); `one-hot`: v names its key. */
  readonly data?: 'large' | 'equal' | 'one-hot';
  readonly q?: RowView;
  readonly k?: RowView;
  readonly v?: RowView;
  readonly out?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { queryRows: 1, heads: 1, headDim: 8 },
  { queryRows: 63, heads: 2, headDim: 32 },
  { queryRows: 65, heads: 1, headDim: 64 },
  { queryRows: 37, heads: 3, headDim: 10 },
  { queryRows: 19, heads: 2, headDim: 126 },
  { queryRows: 130, heads: 2, headDim: 128 },
  { queryRows: 33, heads: 2, headDim: 16, data: 'large' },
  { queryRows: 33, heads: 2, headDim: 16, data: 'equal' },
  { queryRows: 64, heads: 1, headDim: 64, data: 'one-hot', scale: 20 },
  { queryRows: 5, keyRows: 70, heads: 2, headDim: 12 },
  { queryRows: 70, keyRows: 3, heads: 2, headDim: 12, scale: 1 },
  { queryRows: 41, heads: 2, headDim: 24, mask: 'some' },
  { queryRows: 9, keyRows: 40, heads: 2, headDim: 14, mask: 'some' },
  { queryRows: 17, heads: 2, headDim: 16, mask: 'none' },
  { queryRows: 50, heads: 7, keyHeads: 1, headDim: 16, causal: 0 },
  { queryRows: 75, heads: 6, keyHeads: 2, headDim: 20, causal: 0, mask: 'some' },
  { queryRows: 20, keyRows: 45, heads: 2, keyHeads: 1, headDim: 18, causal: 25 },
  // q, k and v side by side in one row of a fused projection, and a query range inside the sequence.
  {
    queryRows: 11,
    keyRows: 30,
    heads: 2,
    headDim: 16,
    q: { offset: 5 * 96, stride: 96 },
    k: { offset: 32, stride: 96 },
    v: { offset: 64, stride: 96 },
    out: { offset: 5 * 32, stride: 32 },
  },
  {
    queryRows: 11,
    keyRows: 30,
    heads: 2,
    headDim: 10,
    q: { offset: 7, stride: 61 },
    k: { offset: 21, stride: 61 },
    v: { offset: 41, stride: 61 },
    out: { offset: 3, stride: 23 },
  },
  { queryRows: 20, heads: 1, headDim: 200 },
  { queryRows: 20, heads: 1, headDim: 384 },
  { queryRows: 256, heads: 4, headDim: 64, benchOnly: true },
  { queryRows: 256, heads: 4, headDim: 128, benchOnly: true },
  { queryRows: 1024, heads: 4, headDim: 64, benchOnly: true },
  { queryRows: 1024, heads: 4, headDim: 128, benchOnly: true },
  { queryRows: 4352, heads: 24, headDim: 128, benchOnly: true },
  { queryRows: 12800, heads: 24, headDim: 128, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { queryRows, heads, headDim, keyRows = queryRows, keyHeads = heads, causal, data, benchOnly = false } = shape;
  const q = resolveView('case', 'q', shape.q, queryRows, heads * headDim);
  const k = resolveView('case', 'k', shape.k, keyRows, keyHeads * headDim);
  const v = resolveView('case', 'v', shape.v, keyRows, keyHeads * headDim);
  const out = resolveView('case', 'out', shape.out, queryRows, heads * headDim);
  const scale = shape.scale ?? 1 / Math.sqrt(headDim);
  const notes = [
    keyHeads === heads ? '' : `of ${keyHeads}`,
    shape.mask ? `mask ${shape.mask}` : '',
    causal === undefined ? '' : `causal+${causal}`,
    data ?? '',
    shape.q ? `q ${q.offset}+${q.stride}` : '',
  ].filter((note) => note !== '');
  const options = {
    queryRows,
    keyRows,
    heads,
    keyHeads,
    headDim,
    scale,
    masked: shape.mask !== undefined,
    ...(causal === undefined ? {} : { causal: { offset: causal } }),
    q,
    k,
    v,
    out,
  };
  return {
    name: [`${queryRows}x${keyRows} ${heads}x${headDim}`, ...notes].join(' '),
    variants: attentionVariants,
    plan: (facts, variant) => planAttention(facts, options, variant as AttentionVariant),
    inputs: (random) => {
      const values = {
        q: makeRows(random, q, queryRows, heads * headDim),
        k: makeRows(random, k, keyRows, keyHeads * headDim),
        v: makeRows(random, v, keyRows, keyHeads * headDim),
        out: blankRows(out),
      };
      if (data === 'large')
        for (const name of ['q', 'k'] as const) values[name].forEach((x, i, all) => (all[i] = 4.5 * x));
      if (data === 'equal')
        for (let j = 1; j < keyRows; j++)
          values.k.copyWithin(k.offset + j * k.stride, k.offset, k.end - (keyRows - 1) * k.stride);
      if (data === 'one-hot') makeOneHot(values, headDim);
      const mask = Uint32Array.from({ length: keyRows }, (_, j) => (shape.mask === 'some' && j % 3 !== 1 ? 1 + j : 0));
      if (!shape.mask) return values;
      for (let j = 0; j < keyRows; j++)
        if (mask[j] === 0)
          for (const [name, view] of [
            ['k', k],
            ['v', v],
          ] as const)
            rowAt(values[name], view, j, keyHeads * headDim).fill(Number.NaN);
      return { ...values, mask };
    },
    expected: (inputs) => {
      const mask = inputs['mask'] as Uint32Array | undefined;
      const row = (i: number) => {
        const queries = rowAt(floatsOf(inputs, 'q'), q, i, heads * headDim);
        const result = new Float64Array(heads * headDim);
        for (let h = 0; h < heads; h++) {
          const start = Math.floor((h * keyHeads) / heads) * headDim;
          const keys = Array.from({ length: keyRows }, (_, j) => ({
            k: rowAt(floatsOf(inputs, 'k'), k, j, keyHeads * headDim).subarray(start, start + headDim),
            v: rowAt(floatsOf(inputs, 'v'), v, j, keyHeads * headDim).subarray(start, start + headDim),
          }));
          const isVisible = (j: number) => (mask?.[j] ?? 1) !== 0 && (causal === undefined || j <= i + causal);
          result.set(
            attentionRow(queries.subarray(h * headDim, (h + 1) * headDim), keys, scale, isVisible),
            h * headDim,
          );
        }
        return result;
      };
      return { out: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'out'), out, queryRows, row) } };
    },
    // Logits of 80 carry 80 * 2^-24 of absolute error each into the exponential: that case is the worst.
    tolerance: data === 'large' ? { atol: 3e-5, rtol: 1e-4, nmse: 1e-10 } : { atol: 2e-6, rtol: 1e-5, nmse: 1e-11 },
    benchOnly,
  };
}

/** Query i picks key (7 i + 3) mod n, whose value is the unit vector of that number: any permutation shows. */
function makeOneHot(values: Readonly<Record<'q' | 'k' | 'v', Float32Array>>, size: number): void {
  for (let i = 0; i < size; i++)
    for (let c = 0; c < size; c++) {
      values.q[i * size + c] = c === (7 * i + 3) % size ? 1 : 0;
      values.k[i * size + c] = c === i ? 1 : 0;
      values.v[i * size + c] = c === i ? 1 : 0;
    }
}

/** Cases of `attention`. */
export const cases: OpCases = { op: 'attention', cases: SHAPES.map(makeCase) };

import type { ExpectedOutput, KernelCase, Tolerance } from '../cases.ts';
import type { DeviceFacts } from '../facts.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type ResolvedView, type RowView } from '../row-view.ts';
import { decodeWords } from '../case-check.ts';
import { attentionLse, attentionRow } from './attention.reference.ts';
import {
  attentionVariants,
  isMatrixAttention,
  matrixAttentionRows,
  packBlocks,
  paddedKeyRows,
  planAttention,
  type AttentionOptions,
  type AttentionVariant,
} from './attention.ts';
import type { MatrixAttentionVariant } from './attention-matrix.ts';

/** What a case of attention is made of. */
export interface AttentionShape {
  readonly queryRows: number;
  readonly keyRows?: number;
  readonly heads: number;
  readonly keyHeads?: number;
  readonly headDim: number;
  /** `some`: every third key hidden, with NaN in its k and v; `none`: all keys hidden. */
  readonly mask?: 'some' | 'none';
  /** Offset. Keys that no row sees hold NaN in k and 60000 in v, as rows behind the last do where `direct`. */
  readonly causal?: number;
  readonly scale?: number;
  /** `large`: logits of about 80; `equal`: all keys alike (uniform weights); `one-hot`: v names its key. */
  readonly data?: 'large' | 'equal' | 'one-hot';
  readonly q?: RowView;
  readonly k?: RowView;
  readonly v?: RowView;
  readonly out?: RowView;
  /** Runs on the matrix unit only: q, k and v hold what f16 holds. */
  readonly matrix?: boolean;
  /** Variants on the matrix unit to run beside `matrix`, where they fit. Few: each takes CPU drivers 10 s to compile. */
  readonly also?: readonly MatrixAttentionVariant[];
  readonly keyNorm?: number;
  readonly vScale?: number;
  readonly lse?: boolean;
  /** K and V are f16 and read as they lie. */
  readonly direct?: boolean;
  /** Rows of packed sequences; their sum is queryRows and keyRows. */
  readonly packed?: readonly number[];
  readonly benchOnly?: boolean;
}

/** What rows hold that no query sees: anything in k, something finite in v. And the codes of both in f16. */
const UNSEEN = { k: Number.NaN, v: 60000 } as const;
const UNSEEN_HALF = { k: 0x7e00, v: 0x7b53 } as const;

/** Weights are rounded to f16 (2^-11 each) before they meet the values; their sum is not. */
const HALF_WEIGHTS: Tolerance = { atol: 1.5e-3, rtol: 2 ** -9, nmse: 1e-6 };

/** The case of a shape. */
export function attentionCase(shape: AttentionShape): KernelCase {
  const { queryRows, heads, headDim, keyRows = queryRows, keyHeads = heads, causal, data, benchOnly = false } = shape;
  const { matrix = false, packed } = shape;
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
    matrix ? 'matrix' : '',
    shape.keyNorm === undefined ? '' : `norm ${shape.keyNorm}`,
    shape.vScale === undefined ? '' : `v ${shape.vScale}`,
    shape.lse ? 'lse' : '',
    shape.direct ? 'direct' : '',
    packed ? `packed ${packed.join('+')}` : '',
  ].filter((note) => note !== '');
  const options: AttentionOptions = {
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
    ...(shape.keyNorm === undefined ? {} : { keyNorm: shape.keyNorm }),
    ...(shape.vScale === undefined ? {} : { vScale: shape.vScale }),
    lse: shape.lse ?? false,
    ...(shape.direct ? { keyValues: 'f16' } : {}),
  };
  const needs = {
    headDim,
    lse: shape.lse ?? false,
    ...(shape.keyNorm === undefined ? {} : { keyNorm: shape.keyNorm }),
    ...(shape.direct ? { keyValues: 'f16' as const } : {}),
  };
  const optionsOn = (facts: DeviceFacts): AttentionOptions =>
    packed ? { ...options, blocks: packBlocks(packed, matrixAttentionRows(facts, headDim)).length / 4 } : options;
  const sequenceOf = packed?.flatMap((length, sequence) => Array.from({ length }, () => sequence));
  return {
    name: [`${queryRows}x${keyRows} ${heads}x${headDim}`, ...notes].join(' '),
    ...(matrix
      ? {
          skip: (facts: DeviceFacts) =>
            attentionVariants(facts, needs).includes('matrix')
              ? undefined
              : 'the device has no f16 matrices with f32 sums, or too little workgroup memory',
        }
      : {}),
    variants: (facts) =>
      matrix
        ? attentionVariants(facts, needs)
            .filter(isMatrixAttention)
            .filter((name) => name === 'matrix' || shape.also?.includes(name))
        : attentionVariants(facts),
    plan: (facts, variant) => planAttention(facts, optionsOn(facts), variant as AttentionVariant),
    inputs: (random, facts) => {
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
      for (let j = queryRows + (causal ?? keyRows); j < keyRows; j++) {
        rowAt(values.k, k, j, keyHeads * headDim).fill(UNSEEN.k);
        rowAt(values.v, v, j, keyHeads * headDim).fill(UNSEEN.v);
      }
      // Q, k and v hold at most 11 significant bits.
      if (matrix)
        for (const name of ['q', 'k', 'v'] as const) {
          const grid = data === 'large' ? 64 : 512;
          values[name].forEach((x, i, all) => (all[i] = Math.round(x * grid) / grid));
        }
      if (shape.direct)
        return {
          ...values,
          k: halves(values.k, k, keyRows, UNSEEN_HALF.k),
          v: halves(values.v, v, keyRows, UNSEEN_HALF.v),
        };
      if (packed) return { ...values, blocks: packBlocks(packed, matrixAttentionRows(facts, headDim)) };
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
      const lse = new Float64Array(heads * queryRows);
      const [kValues, vValues] = ['k', 'v'].map((name) => valuesOf(inputs[name]));
      const row = (i: number) => {
        const queries = rowAt(floatsOf(inputs, 'q'), q, i, heads * headDim);
        const result = new Float64Array(heads * headDim);
        for (let h = 0; h < heads; h++) {
          const start = Math.floor((h * keyHeads) / heads) * headDim;
          const keys = Array.from({ length: keyRows }, (_, j) => ({
            k: rowAt(kValues, k, j, keyHeads * headDim).subarray(start, start + headDim),
            v: rowAt(vValues, v, j, keyHeads * headDim).subarray(start, start + headDim),
          }));
          const isVisible = (j: number) =>
            (mask?.[j] ?? 1) !== 0 &&
            (causal === undefined || j <= i + causal) &&
            (sequenceOf === undefined || sequenceOf[i] === sequenceOf[j]);
          const query = queries.subarray(h * headDim, (h + 1) * headDim);
          result.set(attentionRow(query, keys, scale, isVisible), h * headDim);
          if (shape.lse) lse[h * queryRows + i] = attentionLse(query, keys, scale, isVisible);
        }
        return result;
      };
      const values = expectRows(floatsOf(inputs, 'out'), out, queryRows, row);
      const outputs: Record<string, ExpectedOutput> = { out: { dtype: 'f32', values } };
      return shape.lse ? { ...outputs, lse: { dtype: 'f32', values: lse } } : outputs;
    },
    // Logits of 80 carry 80 * 2^-24 of absolute error each into the exponential: that case is the worst.
    tolerance: matrix
      ? HALF_WEIGHTS
      : data === 'large'
        ? { atol: 3e-5, rtol: 1e-4, nmse: 1e-10 }
        : { atol: 2e-6, rtol: 1e-5, nmse: 1e-11 },
    benchOnly,
  };
}

/** Values that f16 holds exactly, 2^-14 and larger or 0, as its codes; in the rows behind the last `behind`. */
function halves(values: Float32Array, { end, stride }: ResolvedView, rows: number, behind: number): Uint16Array {
  const codes = new Uint16Array(end + (paddedKeyRows(rows) - rows) * stride).fill(behind);
  for (const [i, value] of values.subarray(0, end).entries()) {
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const magnitude = value === 0 ? 0 : (exponent + 14) * 1024 + (Math.abs(value) / 2 ** exponent) * 1024;
    codes[i] = Number.isNaN(value) ? 0x7e00 : (value < 0 ? 0x8000 : 0) + magnitude;
  }
  return codes;
}

/** What an input of f32 or of f16 codes holds. */
function valuesOf(input: ArrayBufferView): Float32Array {
  if (!(input instanceof Uint16Array)) return input as Float32Array;
  const words = new Uint32Array(Math.ceil(input.length / 2));
  new Uint16Array(words.buffer).set(input);
  return Float32Array.from(decodeWords(words, 'f16', input.length));
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

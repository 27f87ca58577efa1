import type { OpCases } from '../cases.ts';
import { attentionCase, type AttentionShape } from './attention-case.ts';

const SHAPES: readonly AttentionShape[] = [
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
  // Keys that no row sees.
  { queryRows: 20, keyRows: 45, heads: 2, keyHeads: 1, headDim: 18, causal: 20 },
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

/** On the matrix unit (spec kernels 3.5): every scheme of the softmax, every way in which a tile can be ragged. */
const MATRIX_SHAPES: readonly AttentionShape[] = [
  { queryRows: 1, heads: 1, headDim: 8 },
  { queryRows: 63, heads: 2, headDim: 32 },
  { queryRows: 65, heads: 2, headDim: 64, keyNorm: 16, also: ['matrix-16x32', 'matrix-online'] },
  { queryRows: 64, heads: 1, headDim: 128, keyNorm: 16, vScale: 2 ** -4 },
  { queryRows: 300, heads: 1, headDim: 16, keyNorm: 5, lse: true, also: ['matrix-128x32'] },
  { queryRows: 37, heads: 3, headDim: 10 },
  { queryRows: 19, heads: 1, headDim: 18, keyNorm: 9, lse: true },
  { queryRows: 33, heads: 2, headDim: 16, data: 'large', lse: true },
  // Maxima that grow by more than the threshold from step to step.
  { queryRows: 130, heads: 1, headDim: 16, data: 'large', also: ['matrix-64x64', 'matrix-128x32'] },
  { queryRows: 33, heads: 2, headDim: 16, data: 'large', keyNorm: 40 },
  { queryRows: 33, heads: 2, headDim: 16, data: 'equal', keyNorm: 10 },
  { queryRows: 64, heads: 1, headDim: 64, data: 'one-hot', scale: 20 },
  // Bounds that are none, and bounds far too loose: the guard must see both.
  { queryRows: 70, heads: 1, headDim: 16, data: 'large', keyNorm: 0.25 },
  { queryRows: 70, heads: 1, headDim: 16, keyNorm: 1e4 },
  { queryRows: 5, keyRows: 70, heads: 2, headDim: 12 },
  { queryRows: 70, keyRows: 3, heads: 2, headDim: 12, scale: 1, keyNorm: 7 },
  { queryRows: 41, heads: 2, headDim: 24, mask: 'some', keyNorm: 10 },
  { queryRows: 9, keyRows: 40, heads: 2, headDim: 14, mask: 'some' },
  { queryRows: 17, heads: 2, headDim: 16, mask: 'none', keyNorm: 8 },
  { queryRows: 50, heads: 7, keyHeads: 1, headDim: 16, causal: 0 },
  { queryRows: 75, heads: 6, keyHeads: 2, headDim: 20, causal: 0, mask: 'some' },
  { queryRows: 20, keyRows: 45, heads: 2, keyHeads: 1, headDim: 18, causal: 20, keyNorm: 10 },
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
  // K and V in f16, read as they lie, rows behind the last and (causal) keys that no row sees included.
  { queryRows: 70, heads: 2, headDim: 16, keyNorm: 8, direct: true, also: ['matrix-128x32'] },
  { queryRows: 40, keyRows: 100, heads: 2, headDim: 32, data: 'large', direct: true, lse: true },
  {
    queryRows: 50,
    keyRows: 100,
    heads: 4,
    keyHeads: 2,
    headDim: 16,
    causal: 25,
    k: { offset: 32, stride: 96 },
    v: { offset: 64, stride: 96 },
    direct: true,
  },
  { queryRows: 104, heads: 2, headDim: 16, packed: [40, 1, 63], keyNorm: 8, lse: true },
].map((shape) => ({ ...shape, matrix: true }) as AttentionShape);

/** Cases of `attention`. */
export const cases: OpCases = { op: 'attention', cases: [...SHAPES, ...MATRIX_SHAPES].map(attentionCase) };

import type { MatmulSpec } from './matmul-spec.ts';

/** A named problem. */
export interface NamedSpec {
  readonly name: string;
  readonly spec: MatmulSpec;
}

const heads = 4;
const keyHeads = 2;
const headDim = 12;
const queries = 21;
const keys = 18;

/** Operands that lie within wider buffers, and batches: what attention and joint tensors need. */
export const windowSpecs: readonly NamedSpec[] = [
  {
    name: 'columns of a wider x into rows and columns of a wider out',
    spec: {
      m: 19,
      n: 24,
      k: 20,
      x: { offset: 2 * 52 + 16, stride: 52 },
      w: { dtype: 'f32', order: 'nk' },
      out: { offset: 3 * 40 + 8, stride: 40 },
      bias: true,
    },
  },
  {
    name: 'the same at odd offsets, added to',
    spec: {
      m: 19,
      n: 24,
      k: 20,
      x: { offset: 3, stride: 51 },
      w: { dtype: 'f32', order: 'nk', offset: 1, stride: 21 },
      out: { offset: 7, stride: 41 },
      add: 'residual',
    },
  },
  {
    name: 'scores of 4 query heads over 2 key heads',
    spec: {
      m: queries,
      n: keys,
      k: headDim,
      batch: heads,
      alpha: headDim ** -0.5,
      x: { stride: heads * headDim, batchStride: headDim },
      w: { dtype: 'f32', order: 'nk', stride: keyHeads * headDim, batchStride: headDim, batchGroup: heads / keyHeads },
      out: { stride: 20, batchStride: queries * 20 },
    },
  },
  {
    name: 'probabilities times values of 4 heads over 2',
    spec: {
      m: queries,
      n: headDim,
      k: keys,
      batch: heads,
      x: { stride: 20, batchStride: queries * 20 },
      w: { dtype: 'f32', order: 'kn', stride: keyHeads * headDim, batchStride: headDim, batchGroup: heads / keyHeads },
      out: { stride: heads * headDim, batchStride: headDim },
    },
  },
  {
    name: 'three products of one row each',
    spec: {
      m: 1,
      n: 10,
      k: 33,
      batch: 3,
      x: { batchStride: 33 },
      w: { dtype: 'f32', order: 'nk', batchStride: 330 },
      out: { batchStride: 10 },
    },
  },
];

function square(m: number, n: number, k: number, dtype: 'f32' | 'f16' | 'bf16' | 'i8' = 'f32'): NamedSpec {
  return { name: `${m} x ${n} x ${k}, ${dtype}`, spec: { m, n, k, w: { dtype, order: 'nk' } } };
}

/** Shapes to time: C1 (any machine) and G1 (a large GPU) of the bench. */
export const benchSpecs: readonly NamedSpec[] = [
  square(256, 256, 256),
  square(512, 512, 512),
  square(1024, 1024, 1024),
  square(256, 768, 768),
  square(256, 2304, 768),
  square(256, 3072, 768),
  square(256, 768, 3072),
  square(512, 512, 512, 'f16'),
  square(256, 3072, 768, 'bf16'),
  square(256, 3072, 768, 'i8'),
  {
    name: '256 x 3072 x 768, i8 x i8',
    spec: { m: 256, n: 3072, k: 768, x: { dtype: 'i8' }, w: { dtype: 'i8', order: 'nk' } },
  },
  square(1, 18432, 3072, 'bf16'),
  square(8192, 12288, 3072, 'f16'),
];

import type { KernelCase } from '../cases.ts';
import { caseOf } from './matmul-case.ts';
import type { MatmulSpec } from './matmul-spec.ts';

/*
 * Cases of the matrix unit whose columns end as heads of queries, keys and values: norm and rotation in the epilogue
 * (spec kernels 2.6 and 4.1).
 */

const f16nk = { dtype: 'f16', order: 'nk' } as const;
const interleaved = { eps: 1e-6, pairs: 'interleaved' } as const;

/** q | k | v of `heads` heads of `dim` each. */
function projection(m: number, heads: number, dim: number, k: number): MatmulSpec {
  return {
    m,
    n: 3 * heads * dim,
    k,
    w: f16nk,
    bias: true,
    heads: { ...interleaved, dim, queries: heads, keys: heads },
  };
}

const specs: readonly (readonly [string, MatmulSpec])[] = [
  ['one row, heads of 64', projection(1, 1, 64, 40)],
  ['129 rows, heads of 64, a rest of K', { ...projection(129, 1, 64, 35), w: { ...f16nk, stride: 36 } }],
  ['33 rows, 2 heads of 128', projection(33, 2, 128, 48)],
  ['67 rows, heads of 128, K of an odd number of steps', projection(67, 1, 128, 96)],
  ['19 rows, 3 heads of 16: columns end within a tile', projection(19, 3, 16, 40)],
  ['21 rows, heads of 8', projection(21, 2, 8, 24)],
  ['25 rows, heads of 28: a tile holds 2, and 8 columns more', projection(25, 1, 28, 24)],
  ['9 rows, heads of 4', projection(9, 2, 4, 24)],
  [
    'more queries than keys, pairs by halves, no values',
    {
      ...projection(35, 1, 32, 40),
      n: 3 * 32,
      heads: { dim: 32, queries: 2, keys: 1, eps: 1e-3, pairs: 'half' },
    },
  ],
  ['pairs by halves, heads of 64', { ...projection(41, 1, 64, 24), heads: { ...half(64), queries: 1, keys: 1 } }],
  [
    'windows of x, of the tables and of rows and columns of out',
    {
      ...projection(37, 2, 16, 20),
      x: { offset: 2 * 52 + 16, stride: 52 },
      out: { offset: 3 * 140 + 8, stride: 140 },
      heads: { ...interleaved, dim: 16, queries: 2, keys: 2, table: { offset: 21, stride: 11 } },
    },
  ],
  ['a window of out that is not aligned', { ...projection(18, 1, 32, 20), out: { offset: 7, stride: 101 } }],
  ['bf16, no bias, alpha', { ...projection(20, 1, 64, 36), w: { dtype: 'bf16', order: 'nk' }, bias: false, alpha: 2 }],
  ['i8 with scales', { ...projection(20, 1, 64, 36), w: { dtype: 'i8', order: 'nk' } }],
  ['f16 in and out', { ...projection(20, 2, 32, 40), x: { dtype: 'f16' }, out: { dtype: 'f16' } }],
  // Without bias: eight bindings are all that a device at the floor of WebGPU has.
  ['i8 x i8', { ...projection(70, 1, 64, 96), x: { dtype: 'i8' }, w: { dtype: 'i8', order: 'nk' }, bias: false }],
];

function half(dim: number) {
  return { dim, eps: 1e-6, pairs: 'half' } as const;
}

/** Cases of `heads`. */
export const headCases: readonly KernelCase[] = [
  caseOf('133 rows, heads of 32, every tile, heads', projection(133, 2, 32, 72), 'matrix-all'),
  ...specs.map(([name, spec]) => caseOf(`${name}, heads`, spec, 'matrix')),
];

import type { KernelCase } from '../cases.ts';
import { caseOf } from './matmul-case.ts';
import type { MatmulSpec } from './matmul-spec.ts';

/*
 * Cases of the matrix unit (spec kernels 2.6). x and w hold what f16 holds, so that only sums round and the tolerances are
 * those of f32.
 */

const f16nk = { dtype: 'f16', order: 'nk' } as const;
const f32nk = { dtype: 'f32', order: 'nk' } as const;

/** A bit pattern of f16 for a small whole number. */
const ONE = 0x3c00;
const LARGEST = 0x7bff; // 65504
const TINY = 0x0001; // 2^-24

/** A case whose operands are made by rule instead of by chance. */
function made(
  name: string,
  size: { m: number; n: number; k: number },
  x: (row: number, k: number) => number,
  w: (col: number, k: number) => number,
): KernelCase {
  const spec: MatmulSpec = { ...size, x: { dtype: 'f16' }, w: f16nk };
  const codes = (rows: number, at: (row: number, k: number) => number): Uint16Array =>
    Uint16Array.from({ length: rows * size.k }, (_, i) => at(Math.floor(i / size.k), i % size.k));
  return caseOf(`${name}, matrix`, spec, 'matrix', {
    inputs: () => ({
      x: codes(size.m, x),
      w: codes(size.n, w),
      out: new Float32Array(size.m * size.n).fill(Number.NaN),
    }),
    tolerance: { atol: 1e-6, rtol: 1e-5, nmse: 1e-11 },
  });
}

/** Rows and columns that a 64 x 64 tile holds exactly, one less, one more; 1. */
const edges = [1, 127, 128, 129].map((m) =>
  caseOf(`${m} x 72 x 40, matrix`, { m, n: 72, k: 40, w: f16nk, bias: true }, 'matrix'),
);

/** K of one step of the tile, of an odd number of steps, and with rests of every alignment. */
const steps = [32, 64, 96, 160].map((k) =>
  caseOf(
    `33 x 20 x ${k}, matrix`,
    { m: 33, n: 20, k, x: { dtype: 'f16' }, w: f16nk },
    k === 96 ? 'matrix-all' : 'matrix',
  ),
);

const rests = [1, 7, 35].map((k) =>
  caseOf(`9 x 5 x ${k}, nothing aligned, matrix`, { m: 9, n: 5, k, w: f32nk }, 'matrix'),
);

const size = { m: 19, n: 28, k: 24 };
const gate = { offset: 5, stride: 61, tableRows: 3 };
const epilogues: readonly (readonly [string, MatmulSpec])[] = [
  ['bias and gelu', { ...size, w: f16nk, bias: true, activation: 'gelu_tanh' }],
  ['silu', { ...size, w: f16nk, activation: 'silu' }],
  ['residual', { ...size, w: { dtype: 'bf16', order: 'nk' }, bias: true, add: 'residual' }],
  ['gate of one row', { ...size, w: f16nk, bias: true, add: 'gated', gate: { offset: 3 } }],
  ['gate by index', { ...size, w: f16nk, bias: true, add: 'gated', gate: { ...gate, indexed: true, rowOffset: 7 } }],
  ['f16 in and out', { ...size, x: { dtype: 'f16' }, w: f16nk, out: { dtype: 'f16' }, bias: true }],
  ['alpha, i8', { ...size, w: { dtype: 'i8', order: 'nk' }, alpha: -0.375, bias: true }],
  ['i4', { m: 19, n: 28, k: 100, w: { dtype: 'i4', order: 'nk', stride: 128 }, bias: true }],
  ['x scaled', { ...size, w: f16nk, xScale: 2 ** -7, bias: true }],
];

/** Activations of i8 too: sums of i32, scales of rows and of channels. */
const i8 = { dtype: 'i8', order: 'nk' } as const;
const quantised: readonly (readonly [string, MatmulSpec])[] = [
  ['i8 x i8, wide', { m: 70, n: 68, k: 96, x: { dtype: 'i8' }, w: i8, bias: true, activation: 'gelu_tanh' }],
  [
    'i8 x i8, a rest of K, windows',
    {
      m: 19,
      n: 27,
      k: 43,
      x: { dtype: 'i8', offset: 4, stride: 48 },
      w: { ...i8, offset: 8, stride: 44 },
      out: { offset: 3, stride: 31 },
      add: 'residual',
    },
  ],
  ['i8 x i8, one past the tiles', { m: 129, n: 130, k: 148, x: { dtype: 'i8' }, w: i8 }],
  ['i8 x i8, three rows', { m: 3, n: 21, k: 600, x: { dtype: 'i8' }, w: i8, bias: true }],
];

const windows: readonly (readonly [string, MatmulSpec])[] = [
  [
    'columns of a wider x into rows and columns of a wider out',
    {
      m: 19,
      n: 24,
      k: 20,
      x: { offset: 2 * 52 + 16, stride: 52 },
      w: { ...f16nk, stride: 24 },
      out: { offset: 3 * 40 + 8, stride: 40 },
      bias: true,
    },
  ],
  [
    'odd offsets, added to',
    {
      m: 19,
      n: 23,
      k: 20,
      x: { offset: 3, stride: 51 },
      w: { ...f32nk, offset: 1, stride: 21 },
      out: { offset: 7, stride: 41 },
      add: 'residual',
    },
  ],
  [
    'packed f16 at multiples of 4 elements',
    {
      m: 9,
      n: 12,
      k: 36,
      x: { dtype: 'f16', offset: 4, stride: 44 },
      w: { ...f16nk, offset: 4, stride: 44 },
    },
  ],
  [
    'scores of 4 query heads over 2 key heads',
    {
      m: 21,
      n: 18,
      k: 12,
      batch: 4,
      alpha: 12 ** -0.5,
      x: { stride: 48, batchStride: 12 },
      w: { ...f32nk, stride: 24, batchStride: 12, batchGroup: 2 },
      out: { stride: 20, batchStride: 21 * 20 },
    },
  ],
  [
    'probabilities times values of 4 heads over 2',
    {
      m: 21,
      n: 12,
      k: 18,
      batch: 4,
      x: { stride: 20, batchStride: 21 * 20 },
      w: { dtype: 'f32', order: 'kn', stride: 24, batchStride: 12, batchGroup: 2 },
      out: { stride: 48, batchStride: 12 },
    },
  ],
  ['kn of f16, wide', { m: 20, n: 40, k: 26, x: { stride: 28 }, w: { dtype: 'f16', order: 'kn' } }],
  ['kn of bf16', { m: 20, n: 38, k: 37, w: { dtype: 'bf16', order: 'kn', stride: 40 } }],
];

/** Cases of the variants `matrix-...`. */
export const matrixCases: readonly KernelCase[] = [
  caseOf('133 x 140 x 72, every tile, matrix', { m: 133, n: 140, k: 72, w: f16nk, bias: true }, 'matrix-all'),
  caseOf('300 x 70 x 33, odd columns, matrix', { m: 300, n: 70, k: 33, w: f32nk }, 'matrix'),
  caseOf('1100 x 130 x 16, a band that is not full, matrix', { m: 1100, n: 130, k: 16, w: f16nk }, 'matrix'),
  ...edges,
  ...steps,
  ...rests,
  ...epilogues.map(([name, spec]) => caseOf(`${name}, matrix`, spec, 'matrix')),
  ...quantised.map(([name, spec]) => caseOf(`${name}, matrix`, spec, 'matrix')),
  ...quantised.map(([name, spec]) => caseOf(name, spec)),
  ...windows.map(([name, spec]) => caseOf(`${name}, matrix`, spec, 'matrix')),
  made(
    'identity on the left',
    { m: 72, n: 40, k: 72 },
    (r, k) => (r === k ? ONE : 0),
    (c, k) => ONE + ((c * 7 + k * 13) % 1000),
  ),
  made(
    'permutation on the right',
    { m: 40, n: 72, k: 72 },
    (r, k) => ONE + ((r * 11 + k * 5) % 1000),
    (c, k) => ((7 * c + 3) % 72 === k ? ONE : 0),
  ),
  made(
    'one k alone',
    { m: 24, n: 24, k: 64 },
    (r, k) => (k === 37 ? ONE + r : 0),
    (c, k) => (k === 37 ? ONE + 3 * c : 0),
  ),
  made(
    '65504 times 2^-24, K of 512',
    { m: 16, n: 16, k: 512 },
    () => LARGEST,
    () => TINY,
  ),
  made(
    '65504 squared, sums beyond f16',
    { m: 16, n: 16, k: 64 },
    () => LARGEST,
    () => LARGEST,
  ),
];

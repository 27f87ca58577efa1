import type { KernelCase, OpCases } from '../cases.ts';
import { caseOf } from './matmul-case.ts';
import { headCases } from './matmul-heads-cases.ts';
import { matrixCases } from './matmul-matrix-cases.ts';
import { splitCases } from './matmul-split-cases.ts';
import { benchSpecs, windowSpecs } from './matmul-shapes.ts';

const f32nk = { dtype: 'f32', order: 'nk' } as const;
const f32kn = { dtype: 'f32', order: 'kn' } as const;

const shapes: KernelCase[] = [
  caseOf('1 x 1 x 1', { m: 1, n: 1, k: 1, w: f32nk }, 'all'),
  caseOf('7 x 13 x 11, nothing aligned', { m: 7, n: 13, k: 11, w: f32nk }, 'all'),
  caseOf('33 x 68 x 40, aligned', { m: 33, n: 68, k: 40, w: f32nk }, 'all'),
  caseOf('65 x 129 x 68, one past the tiles', { m: 65, n: 129, k: 68, w: f32nk }, 'all'),
  caseOf(
    '129 x 132 x 18, a K that is no multiple of 4',
    { m: 129, n: 132, k: 18, x: { stride: 20 }, w: { ...f32nk, stride: 20 } },
    'all',
  ),
  caseOf('17 x 40 x 26, kn', { m: 17, n: 40, k: 26, x: { stride: 28 }, w: f32kn }, 'all'),
  caseOf('17 x 38 x 24, kn, padded columns', { m: 17, n: 38, k: 24, w: { ...f32kn, stride: 48 } }, 'all'),
  caseOf('5 x 9 x 7, kn, nothing aligned', { m: 5, n: 9, k: 7, w: f32kn }, 'all'),
  caseOf('1 x 100 x 388, one row', { m: 1, n: 100, k: 388, w: f32nk }, 'all'),
  caseOf(
    '3 x 20 x 515, three rows, K with a rest',
    { m: 3, n: 20, k: 515, x: { stride: 516 }, w: { ...f32nk, stride: 516 } },
    'all',
  ),
  // More tiles than a grid dimension holds: the second one is used. Only the variant with the smallest tiles.
  caseOf('1048593 x 1 x 1, more than 65535 tiles', { m: 1048593, n: 1, k: 1, w: f32nk }, 'few', {
    variants: () => ['naive'],
  }),
];

const formats: KernelCase[] = (['f16', 'bf16', 'i8'] as const).flatMap((dtype) => [
  caseOf(`21 x 28 x 37, ${dtype} nk`, { m: 21, n: 28, k: 37, w: { dtype, order: 'nk', stride: 40 } }),
  caseOf(`21 x 26 x 37, ${dtype} kn`, { m: 21, n: 26, k: 37, w: { dtype, order: 'kn', stride: 28 } }),
  caseOf(`2 x 26 x 132, ${dtype} nk, two rows`, { m: 2, n: 26, k: 132, w: { dtype, order: 'nk' }, bias: true }),
]);

const i4: KernelCase[] = [
  caseOf(
    '21 x 28 x 100, i4 in groups of 64',
    { m: 21, n: 28, k: 100, w: { dtype: 'i4', order: 'nk', stride: 128 } },
    'all',
  ),
  caseOf('2 x 26 x 64, i4 in groups of 32, rows of a wider one', {
    m: 2,
    n: 26,
    k: 64,
    w: { dtype: 'i4', order: 'nk', group: 32, offset: 64, stride: 96 },
    bias: true,
  }),
];

const size = { m: 19, n: 28, k: 24 };
const odd = { m: 19, n: 27, k: 23 };
const gate = { offset: 5, stride: 61, tableRows: 3 };
const epilogues: KernelCase[] = [
  caseOf('bias', { ...size, w: f32nk, bias: true }),
  caseOf('bias, nothing aligned', { ...odd, w: f32nk, bias: true }),
  caseOf('gelu without bias', { ...size, w: f32nk, activation: 'gelu_tanh' }),
  caseOf('bias and gelu', { ...odd, w: f32nk, bias: true, activation: 'gelu_tanh' }),
  caseOf('bias and silu', { ...size, w: f32nk, bias: true, activation: 'silu' }),
  caseOf('residual', { ...size, w: f32nk, add: 'residual' }),
  caseOf('bias and residual, nothing aligned', { ...odd, w: f32nk, bias: true, add: 'residual' }),
  caseOf('gate of one row', { ...size, w: f32nk, bias: true, add: 'gated', gate: { offset: 3 } }),
  caseOf('gate by index', {
    ...size,
    w: f32nk,
    bias: true,
    add: 'gated',
    gate: { ...gate, indexed: true, rowOffset: 7 },
  }),
  caseOf('gate by index, nothing aligned, bf16', {
    ...odd,
    w: { dtype: 'bf16', order: 'nk', stride: 24 },
    add: 'gated',
    gate: { ...gate, indexed: true },
  }),
  caseOf('bias, gelu, i8', { ...size, w: { dtype: 'i8', order: 'nk' }, bias: true, activation: 'gelu_tanh' }),
  caseOf('alpha, bias, residual, i8', {
    ...size,
    alpha: -0.375,
    w: { dtype: 'i8', order: 'nk' },
    bias: true,
    add: 'residual',
  }),
  caseOf('f16 in', { ...size, x: { dtype: 'f16' }, w: { dtype: 'f16', order: 'nk' }, bias: true }),
  caseOf('f16 in, f16 out, residual', {
    ...size,
    x: { dtype: 'f16' },
    w: { dtype: 'bf16', order: 'nk' },
    out: { dtype: 'f16' },
    add: 'residual',
  }),
];

/** Read by test and bench. */
export const cases: OpCases = {
  op: 'matmul',
  cases: [
    ...shapes,
    ...formats,
    ...i4,
    ...epilogues,
    ...matrixCases,
    ...headCases,
    ...splitCases,
    ...windowSpecs.map(({ name, spec }) => caseOf(name, spec)),
    ...benchSpecs.map(({ name, spec }) => caseOf(name, spec, 'all', { benchOnly: true })),
  ],
};

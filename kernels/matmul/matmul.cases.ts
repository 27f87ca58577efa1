import type { CaseRandom, KernelCase, OpCases, Tolerance } from '../cases.ts';
import type { DeviceFacts } from '../facts.ts';
import { matmulVariants, planMatmul, type MatmulSpec, type MatmulVariant } from './matmul.ts';
import { benchSpecs, windowSpecs } from './matmul-shapes.ts';
import { resolveMatmul, type ResolvedOperand } from './matmul-spec.ts';
import { referenceMatmul } from './matmul.reference.ts';

/** Which variants run a case: all, or the planner's choice and the plain forms (each costs a compilation). */
type Extent = 'all' | 'few';

const NAN_CODES = { f32: Number.NaN, f16: 0x7e00, bf16: 0x7fc0, i8: 127 };

function caseOf(name: string, spec: MatmulSpec, extent: Extent = 'few', extra: Partial<KernelCase> = {}): KernelCase {
  return {
    name,
    variants: (facts) => (extent === 'all' ? matmulVariants(facts, spec) : fewVariants(facts, spec)),
    plan: (facts, variant) => planMatmul(facts, spec, variant as MatmulVariant),
    inputs: (random) => makeInputs(random, spec),
    expected: (inputs) => ({ out: { dtype: spec.out?.dtype ?? 'f32', values: referenceMatmul(spec, inputs) } }),
    tolerance: toleranceOf(spec),
    ...extra,
  };
}

function fewVariants(facts: DeviceFacts, spec: MatmulSpec): readonly MatmulVariant[] {
  const possible = matmulVariants(facts, spec);
  return possible.filter((variant, i) => i === 0 || variant === 'naive' || variant === 'tiled64' || variant === 'gemv');
}

/**
 * x and w lie in [-2, 2), so that a product's rounding is up to 2^-22 and sums near zero keep the error of their terms:
 * hence atol per sqrt(K), not rtol, decides. An f16 output adds its own half unit, 2^-11.
 */
function toleranceOf(spec: MatmulSpec): Tolerance {
  const atol = 3e-6 * Math.sqrt(spec.k);
  if (spec.out?.dtype === 'f16') return { atol: 1e-3, rtol: 2 ** -10, nmse: 1e-6 };
  return { atol, rtol: 2e-6, nmse: 1e-12 };
}

function makeInputs(random: CaseRandom, spec: MatmulSpec): Record<string, ArrayBufferView> {
  const { m, n, k, batch, batchGroup, order, x, w, out, gate } = resolveMatmul(spec);
  const inputs: Record<string, ArrayBufferView> = {
    x: fill(random, x, batch, m, k),
    w: order === 'nk' ? fill(random, w, batch / batchGroup, n, k) : fill(random, w, batch / batchGroup, k, n),
    // Stored outputs overwrite NaN; rows that are added to hold data, and everything around them is NaN.
    out: fill(random, out, spec.add ? batch : 0, m, n),
  };
  if (w.dtype === 'i8') inputs.scales = Float32Array.from({ length: n }, () => random.uniform(0.001, 0.02));
  if (spec.bias) inputs.bias = spec.activation ? wideBias(random, n) : random.floats(n);
  if (spec.gate) {
    const table = new Float32Array(gate.end).fill(Number.NaN);
    const tableRows = spec.gate.tableRows ?? 1;
    for (let row = 0; row < tableRows; row++) table.set(random.floats(n), gate.offset + row * gate.stride);
    inputs.gate = table;
    const indices = Array.from({ length: gate.rowOffset + m }, (_, i) =>
      i < gate.rowOffset ? 0xffffff : random.integer(tableRows),
    );
    if (spec.gate.indexed) inputs.rows = Uint32Array.from(indices);
  }
  return inputs;
}

/** Reaches far into both tails of an activation: a value of 1e4, of -1e4, and zero among the others. */
function wideBias(random: CaseRandom, n: number): Float32Array {
  const bias = random.floats(n);
  bias.set([1e4, -1e4, 0, -90, 12].slice(0, n));
  return bias;
}

/** Data in the rows of an operand and NaN (for i8 the largest code) in every other element. */
function fill(
  random: CaseRandom,
  operand: ResolvedOperand,
  batch: number,
  rows: number,
  columns: number,
): ArrayBufferView {
  const { dtype, offset, stride, batchStride, byteLength } = operand;
  const data =
    dtype === 'f32'
      ? new Float32Array(byteLength / 4)
      : dtype === 'i8'
        ? new Int8Array(byteLength)
        : new Uint16Array(byteLength / 2);
  data.fill(NAN_CODES[dtype as keyof typeof NAN_CODES]);
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) data[offset + b * batchStride + r * stride + c] = element(random, dtype);
  return data;
}

/** One element as its code: values in (-2, 2), of f16 with every exponent from 2^-14 on, of i8 every code. */
function element(random: CaseRandom, dtype: ResolvedOperand['dtype']): number {
  if (dtype === 'f32') return Math.fround(random.uniform(-2, 2));
  if (dtype === 'i8') return random.integer(255) - 127;
  if (dtype === 'f16')
    return (
      (random.integer(2) << 15) |
      ((random.integer(4) === 0 ? random.integer(16) : 14 + random.integer(2)) << 10) |
      random.integer(1024)
    );
  return (
    (random.integer(2) << 15) |
    ((random.integer(4) === 0 ? random.integer(128) : 126 + random.integer(2)) << 7) |
    random.integer(128)
  );
}

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
    ...epilogues,
    ...windowSpecs.map(({ name, spec }) => caseOf(name, spec)),
    ...benchSpecs.map(({ name, spec }) => caseOf(name, spec, 'all', { benchOnly: true })),
  ],
};

import { f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import type { DeviceFacts } from '../../../kernels/facts.ts';
import type { OpCases } from '../../../kernels/cases.ts';
import { attentionVariants, planAttention, type AttentionVariant } from '../../../kernels/attention/attention.ts';
import { matmulVariants, planMatmul, type MatmulSpec, type MatmulVariant } from '../../../kernels/matmul/matmul.ts';
import type { BenchCase, ExpectedSample } from '../kernel-run.ts';
import { valuesOf } from '../workloads/half.ts';
import { attentionRow } from '../workloads/plain-references.ts';
import { randomTensor, sampleIndices } from '../workloads/workload.ts';

/** Elements of a product that are checked, and rows of attention (a row of one head each). */
const SAMPLES = 4096;
const ROWS = 256;

/** What a large product is of: weights f16 or i8 with f16 activations, or both i8 with scales (W8A8). */
export type LargeOperands = 'f16' | 'i8' | 'w8a8';

/** What is fused to the end of a large product. */
export interface LargeEpilogue {
  readonly bias?: boolean;
  readonly activation?: 'gelu_tanh';
}

/** A product of [m, k] and [n, k], large; f32 out. */
export function largeMatmul(
  m: number,
  n: number,
  k: number,
  operands: LargeOperands = 'f16',
  epilogue: LargeEpilogue = {},
): BenchCase {
  const spec: MatmulSpec = {
    m,
    n,
    k,
    x: { dtype: operands === 'w8a8' ? 'i8' : 'f16' },
    w: { dtype: operands === 'f16' ? 'f16' : 'i8', order: 'nk' },
    out: { dtype: 'f32' },
    ...epilogue,
  };
  const expected = (): never => {
    throw new RangeError('a large case has samples only.');
  };
  const fused = [epilogue.bias && 'bias', epilogue.activation].filter(Boolean).join(' ');
  return {
    name: `${m} x ${n} x ${k}, ${operands}${fused ? ` + ${fused}` : ''}`,
    // The readable form would take minutes, those for CPU drivers too.
    variants: (facts) => matmulVariants(facts, spec).filter((name) => facts.kind === 'software' || isForGpu(name)),
    plan: (facts, variant) => planMatmul(facts, spec, variant as MatmulVariant),
    inputs: () => largeInputs(spec),
    expected,
    sample: (inputs) => sampleProduct(spec, inputs),
    // Products of f16 values are exact in f32; the order of the sum is free.
    tolerance: { atol: 3e-6 * Math.sqrt(k), rtol: 1e-4, nmse: 1e-9 },
    benchOnly: true,
  };
}

function largeInputs({ m, n, k, x, w, bias }: MatmulSpec): Record<string, ArrayBufferView> {
  const left = randomTensor('x', [m, k], x?.dtype === 'i8' ? 127 : 1).data as Float32Array;
  const right = randomTensor('w', [n, k], w.dtype === 'i8' ? 127 : Math.sqrt(3 / k)).data as Float32Array;
  return {
    x: x?.dtype === 'i8' ? Int8Array.from(left) : f32ToF16(left),
    w: w.dtype === 'i8' ? Int8Array.from(right) : f32ToF16(right),
    ...(w.dtype === 'i8' ? { scales: randomTensor('scales', [n], 1e-4, 5e-4).data } : {}),
    ...(x?.dtype === 'i8' ? { row_scales: randomTensor('row_scales', [m], 1e-3, 5e-3).data } : {}),
    ...(bias ? { bias: randomTensor('bias', [n]).data } : {}),
  };
}

function sampleProduct(
  { m, n, k, x, w, bias, activation }: MatmulSpec,
  inputs: Readonly<Record<string, ArrayBufferView>>,
): { out: ExpectedSample } {
  const numbers = (name: string, dtype: 'i8' | 'f16', shape: number[]): ArrayLike<number> =>
    dtype === 'i8' ? (inputs[name] as Int8Array) : valuesOf({ dtype, shape, data: inputs[name] as Uint16Array });
  const left = numbers('x', x?.dtype === 'i8' ? 'i8' : 'f16', [m, k]);
  const right = numbers('w', w.dtype === 'i8' ? 'i8' : 'f16', [n, k]);
  const [scales, rowScales, offsets] = ['scales', 'row_scales', 'bias'].map((name) => inputs[name] as Float32Array);
  const indices = sampleIndices(m * n, SAMPLES);
  const values = Float64Array.from(indices, (index) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let i = 0; i < k; i++) sum += left[row * k + i] * right[column * k + i];
    if (w.dtype === 'i8') sum *= scales[column];
    if (x?.dtype === 'i8') sum *= rowScales[row];
    if (bias) sum += offsets[column];
    if (activation !== 'gelu_tanh') return sum;
    return 0.5 * sum * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (sum + 0.044715 * sum ** 3)));
  });
  return { out: { dtype: 'f32', length: m * n, indices, values } };
}

function isForGpu(name: string): boolean {
  return name.startsWith('matrix-') || name.startsWith('tiled') || name === 'gemv';
}

/** Full attention of s tokens, large. */
export function largeAttention(s: number, heads: number, d: number): BenchCase {
  const width = heads * d;
  const options = { queryRows: s, keyRows: s, heads, headDim: d };
  return {
    name: `${s} x ${s}, ${heads} x ${d}`,
    variants: (facts: DeviceFacts) =>
      attentionVariants(facts, options).filter((name) => facts.kind === 'software' || name !== 'rowwise'),
    plan: (facts, variant) => planAttention(facts, options, variant as AttentionVariant),
    inputs: () => Object.fromEntries(['q', 'k', 'v'].map((name) => [name, randomTensor(name, [s, width]).data])),
    expected: () => {
      throw new RangeError('a large case has samples only.');
    },
    sample: (inputs) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => inputs[name] as Float32Array);
      const chosen = sampleIndices(s * heads, ROWS);
      const indices = new Uint32Array(ROWS * d);
      const values = new Float64Array(ROWS * d);
      chosen.forEach((row, i) => {
        const [token, head] = [Math.floor(row / heads), row % heads];
        values.set(attentionRow({ q, k, v, s, width, d }, token, head), i * d);
        for (let c = 0; c < d; c++) indices[i * d + c] = token * width + head * d + c;
      });
      return { out: { dtype: 'f32', length: s * width, indices, values } };
    },
    // Kernels of the matrix unit round q, k, v and weights to f16: 2^-11 of values of order 1 / sqrt(s) to 1.
    tolerance: { atol: 2e-3, rtol: 1e-2, nmse: 1e-5 },
    benchOnly: true,
  };
}

/** Cases as an op that a suite runs. */
export function opOf(op: string, cases: readonly BenchCase[]): OpCases {
  return { op, cases };
}

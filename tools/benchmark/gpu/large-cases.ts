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
const ROWS = 64;

/** A product of [m, k] f16 and [n, k] f16 or i8, large; f32 out. */
export function largeMatmul(m: number, n: number, k: number, dtype: 'f16' | 'i8' = 'f16'): BenchCase {
  const spec: MatmulSpec = { m, n, k, x: { dtype: 'f16' }, w: { dtype, order: 'nk' }, out: { dtype: 'f32' } };
  const expected = (): never => {
    throw new RangeError('a large case has samples only.');
  };
  return {
    name: `${m} x ${n} x ${k}, ${dtype}`,
    // The readable form would take minutes, those for CPU drivers too.
    variants: (facts) => matmulVariants(facts, spec).filter((name) => facts.kind === 'software' || isForGpu(name)),
    plan: (facts, variant) => planMatmul(facts, spec, variant as MatmulVariant),
    inputs: (): Record<string, ArrayBufferView> => {
      const x = f32ToF16(randomTensor('x', [m, k]).data as Float32Array);
      const w = randomTensor('w', [n, k], dtype === 'i8' ? 127 : Math.sqrt(3 / k)).data as Float32Array;
      if (dtype === 'f16') return { x, w: f32ToF16(w) };
      const scales = randomTensor('scales', [n], 1e-4, 5e-4).data;
      return { x, w: Int8Array.from(w), scales };
    },
    expected,
    sample: ({ x, w, scales }) => {
      const left = valuesOf({ dtype: 'f16', shape: [m, k], data: x as Uint16Array });
      const right =
        dtype === 'i8' ? (w as Int8Array) : valuesOf({ dtype: 'f16', shape: [n, k], data: w as Uint16Array });
      const indices = sampleIndices(m * n, SAMPLES);
      const values = Float64Array.from(indices, (index) => {
        const [row, column] = [Math.floor(index / n), index % n];
        let sum = 0;
        for (let i = 0; i < k; i++) sum += left[row * k + i] * right[column * k + i];
        return dtype === 'i8' ? sum * (scales as Float32Array)[column] : sum;
      });
      return { out: { dtype: 'f32', length: m * n, indices, values } satisfies ExpectedSample };
    },
    // Products of f16 values are exact in f32; the order of the sum is free.
    tolerance: { atol: 3e-6 * Math.sqrt(k), rtol: 1e-4, nmse: 1e-9 },
    benchOnly: true,
  };
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

import { attention } from '../../../runtime/ops/attention.ts';
import { conv2d } from '../../../runtime/ops/conv2d.ts';
import { layerNormModulate } from '../../../runtime/ops/layer-norm-modulate.ts';
import { matmul, matmulWeight } from '../../../runtime/ops/matmul.ts';
import { qkNormRope } from '../../../runtime/ops/qk-norm-rope.ts';
import { vectorWeight } from '../../../runtime/ops/vector-weight.ts';
import { asHalf, valuesOf } from './half.ts';
import { attentionRow, convPixel, dotProduct, normModulateRow, rmsRopeHead } from './plain-references.ts';
import {
  randomTensor,
  sampleIndices,
  wholeReference,
  type Reference,
  type Workload,
  type WorkloadTensor,
} from './workload.ts';

/** Multiply-adds that a reference may take: beyond that a sample of the result is checked. About 5 s of JavaScript. */
const REFERENCE_STEPS = 3e9;
const SAMPLES = 4096;
const EPS = 1e-6;

/** Elements of a result from a function of the index, or a sample of them. */
function referenceOf(length: number, stepsEach: number, at: (index: number) => number): Reference {
  if (length * stepsEach <= REFERENCE_STEPS) return wholeReference(Float64Array.from({ length }, (_, i) => at(i)));
  const indices = sampleIndices(length, SAMPLES);
  return { length, indices, values: Float64Array.from(indices, at) };
}

/** x [m, k] times w [k, n]. Where x and w are f16, sums and our output stay f32. */
export function matmulWorkload(id: string, m: number, n: number, k: number, dtype: 'f32' | 'f16' = 'f32'): Workload {
  const scale = Math.sqrt(3 / k);
  const size = dtype === 'f16' ? 2 : 4;
  const rounded = (tensor: WorkloadTensor): WorkloadTensor => (dtype === 'f16' ? asHalf(tensor) : tensor);
  return {
    id,
    name: `${m} x ${n} x ${k}${dtype === 'f16' ? ', f16 in' : ''}`,
    task: { kind: 'matmul', m, n, k, dtype },
    flops: 2 * m * n * k,
    bytes: size * (m * k + k * n) + 4 * m * n,
    // Peers may round their output to f16: half a unit in the last place of the largest value is 2^-11.
    bound: dtype === 'f16' ? 1e-3 : 1e-5,
    inputs: () => ({
      x: rounded(randomTensor('x', [m, k])),
      w: rounded(randomTensor('w', [k, n], scale)),
    }),
    reference: (inputs) => {
      const x = valuesOf(inputs.x);
      const columns = transpose(valuesOf(inputs.w), k, n);
      return referenceOf(m * n, k, (i) => dotProduct(x, Math.floor(i / n) * k, columns, (i % n) * k, k));
    },
    record: (builder) => {
      const x = builder.state('x', dtype, [m, k]);
      const out = builder.state('out', 'f32', [m, n]);
      const weight = matmulWeight(builder, { tensors: ['w.weight'], outs: [n], inputs: k, dtype });
      builder.segment('run', () => matmul(builder, { x, weight, out }));
      return out;
    },
    weights: ({ w }) => {
      const data = transpose(valuesOf(w), k, n);
      return { 'w.weight': rounded({ dtype: 'f32', shape: [n, k], data }) };
    },
  };
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}

/** Full attention of s tokens. Ours computes in f32 whatever the peers are given. */
export function attentionWorkload(
  id: string,
  s: number,
  heads: number,
  d: number,
  dtype: 'f32' | 'f16' = 'f32',
): Workload {
  const width = heads * d;
  const rounded = (tensor: WorkloadTensor): WorkloadTensor => (dtype === 'f16' ? asHalf(tensor) : tensor);
  return {
    id,
    name: `S ${s}, ${heads} heads x ${d}${dtype === 'f16' ? ', f16 in' : ''}`,
    task: { kind: 'attention', s, heads, d, dtype },
    flops: 4 * s * s * width,
    bytes: 16 * s * width,
    bound: dtype === 'f16' ? 2e-3 : 1e-5,
    inputs: () => Object.fromEntries(['q', 'k', 'v'].map((name) => [name, rounded(randomTensor(name, [s, width], 2))])),
    reference: (inputs) => {
      const [q, k, v] = [inputs.q, inputs.k, inputs.v].map(valuesOf);
      // A row costs as much as each of its elements: rows are what is sampled.
      const rows = s * heads;
      const all = 2 * s * d * rows <= REFERENCE_STEPS;
      const chosen = all ? Uint32Array.from({ length: rows }, (_, i) => i) : sampleIndices(rows, 64);
      const indices = new Uint32Array(chosen.length * d);
      const values = new Float64Array(chosen.length * d);
      chosen.forEach((row, i) => {
        const [token, head] = [Math.floor(row / heads), row % heads];
        values.set(attentionRow({ q, k, v, s, width, d }, token, head), i * d);
        for (let c = 0; c < d; c++) indices[i * d + c] = token * width + head * d + c;
      });
      return { length: s * width, indices, values };
    },
    states: (inputs) => ({ q: valuesOf(inputs.q), k: valuesOf(inputs.k), v: valuesOf(inputs.v) }),
    record: (builder) => {
      // Values that f16 holds exactly are taken as f32: our attention has no f16 operands.
      const [q, k, v] = ['q', 'k', 'v'].map((name) => builder.state(name, 'f32', [s, width]));
      const out = builder.state('out', 'f32', [s, width]);
      builder.segment('run', () => attention(builder, { q, k, v, heads, out }));
      return out;
    },
  };
}

/** 3x3 convolution, stride 1, channels last. */
export function convWorkload(id: string, h: number, w: number, cin: number, cout: number): Workload {
  return {
    id,
    name: `3x3, ${cin} to ${cout} at ${h} x ${w}`,
    task: { kind: 'conv', h, w, cin, cout },
    flops: 18 * h * w * cin * cout,
    bytes: 4 * (h * w * (cin + cout) + 9 * cin * cout),
    bound: 1e-5,
    inputs: () => ({
      x: randomTensor('x', [h, w, cin]),
      w: randomTensor('w', [cout, cin, 3, 3], Math.sqrt(3 / (9 * cin))),
      b: randomTensor('b', [cout]),
    }),
    reference: (inputs) => {
      const [x, weight, bias] = [inputs.x, inputs.w, inputs.b].map(valuesOf);
      return referenceOf(h * w * cout, 9 * cin, (i) => convPixel({ x, weight, bias, h, w, cin, cout }, i));
    },
    record: (builder) => {
      const x = builder.state('x', 'f32', [h, w, cin]);
      const out = builder.state('out', 'f32', [h, w, cout]);
      const spec = { name: 'conv', outC: cout, inC: cin, kernel: 3, dtype: 'f32' } as const;
      builder.segment('run', () => conv2d(builder, x, spec, { out }));
      return out;
    },
    weights: (inputs) => ({ 'conv.weight': inputs.w, 'conv.bias': inputs.b }),
  };
}

/** LayerNorm with a shift and a scale for all rows. */
export function layerNormWorkload(id: string, rows: number, cols: number): Workload {
  return {
    id,
    name: `LayerNorm + modulate, ${rows} x ${cols}`,
    task: { kind: 'layer_norm_modulate', rows, cols },
    flops: 8 * rows * cols,
    bytes: 8 * rows * cols,
    bound: 1e-5,
    inputs: () => ({
      x: randomTensor('x', [rows, cols], 2),
      shift: randomTensor('shift', [cols]),
      scale: randomTensor('scale', [cols]),
    }),
    reference: (inputs) => {
      const [x, shift, scale] = [inputs.x, inputs.shift, inputs.scale].map(valuesOf);
      const values = new Float64Array(rows * cols);
      for (let r = 0; r < rows; r++)
        values.set(normModulateRow(x.subarray(r * cols, (r + 1) * cols), shift, scale, EPS), r * cols);
      return wholeReference(values);
    },
    states: (inputs) => {
      const modulation = new Float32Array(2 * cols);
      modulation.set(valuesOf(inputs.shift));
      modulation.set(valuesOf(inputs.scale), cols);
      return { x: inputs.x.data, modulation };
    },
    record: (builder) => {
      const x = builder.state('x', 'f32', [rows, cols]);
      const table = builder.state('modulation', 'f32', [1, 2 * cols]);
      const out = builder.state('out', 'f32', [rows, cols]);
      builder.segment('run', () =>
        layerNormModulate(builder, { x, eps: EPS, modulation: { table, shift: 0, scale: cols }, out }),
      );
      return out;
    },
  };
}

/** RMSNorm of each head and rotation of adjacent pairs. Ours works in place, as the model does. */
export function rmsRopeWorkload(id: string, rows: number, heads: number, d: number): Workload {
  const width = heads * d;
  return {
    id,
    name: `RMSNorm + RoPE, ${rows} x ${width}, heads of ${d}`,
    task: { kind: 'rms_rope', rows, heads, d },
    flops: 10 * rows * width,
    bytes: 8 * rows * width,
    bound: 1e-5,
    inputs: () => {
      const angles = randomTensor('angles', [rows, d / 2], 3).data as Float32Array;
      return {
        x: randomTensor('x', [rows, width], 2),
        weight: randomTensor('weight', [d], 0.5, 1),
        cos: { dtype: 'f32', shape: [rows, d / 2], data: angles.map(Math.cos) },
        sin: { dtype: 'f32', shape: [rows, d / 2], data: angles.map(Math.sin) },
      };
    },
    reference: (inputs) => {
      const [x, weight, cos, sin] = [inputs.x, inputs.weight, inputs.cos, inputs.sin].map(valuesOf);
      const values = new Float64Array(rows * width);
      for (let r = 0; r < rows; r++)
        for (let at = r * width; at < (r + 1) * width; at += d) {
          const row = [cos, sin].map((table) => table.subarray((r * d) / 2, ((r + 1) * d) / 2));
          values.set(rmsRopeHead(x.subarray(at, at + d), weight, row[0], row[1], EPS), at);
        }
      return wholeReference(values);
    },
    record: (builder) => {
      const x = builder.state('x', 'f32', [rows, width]);
      const [cos, sin] = ['cos', 'sin'].map((name) => builder.state(name, 'f32', [rows, d / 2]));
      const weight = vectorWeight(builder, 'weight', [d]);
      builder.segment('run', () =>
        qkNormRope(builder, { x, heads, norm: { weight, eps: EPS }, rope: { cos, sin, pairs: 'interleaved' } }),
      );
      return x;
    },
    weights: ({ weight }) => ({ weight }),
  };
}

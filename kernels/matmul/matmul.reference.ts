import { qkNormRopeHead } from '../qk-norm-rope/qk-norm-rope.reference.ts';
import type { MatmulHeads } from './matmul-heads.ts';
import type { MatmulSpec, MatmulWeightView } from './matmul-spec.ts';

/** Bytes of the operands of a case, by binding name. */
export type MatmulInputs = Readonly<Record<string, ArrayBufferView>>;

/**
 * matmul in f64, from the formula of MatmulSpec: what the whole `out` binding must hold afterwards, elements outside of the
 * written rows unchanged.
 */
export function referenceMatmul(spec: MatmulSpec, inputs: MatmulInputs): Float64Array {
  const { m, n, k, batch = 1, alpha = 1, bias, activation, add, gate } = spec;
  const xDType = spec.x?.dtype ?? 'f32';
  const outDType = spec.out?.dtype ?? 'f32';
  const { w } = spec;
  const x = readElements(xDType, inputs.x);
  const weights =
    w.dtype === 'i4' ? readGroups(inputs.w, inputs.scales, w.group ?? 64) : readElements(w.dtype, inputs.w);
  const out = readElements(outDType, inputs.out);
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < m; r++)
      for (let c = 0; c < n; c++) {
        const xAt = (spec.x?.offset ?? 0) + b * (spec.x?.batchStride ?? 0) + r * (spec.x?.stride ?? k);
        let sum = 0;
        for (let i = 0; i < k; i++) sum += x[xAt + i] * weights[weightIndex(w, n, k, b, c, i)];
        let value = alpha * sum;
        if (w.dtype === 'i8') value *= floats(inputs.scales)[c];
        if (xDType === 'i8') value *= floats(inputs.row_scales)[r];
        if (bias) value += floats(inputs.bias)[c];
        if (activation) value = activation === 'silu' ? silu(value) : geluTanh(value);
        const at = (spec.out?.offset ?? 0) + b * (spec.out?.batchStride ?? 0) + r * (spec.out?.stride ?? n) + c;
        if (add === 'gated') {
          const row = gate?.indexed ? words(inputs.rows)[(gate.rowOffset ?? 0) + r] : 0;
          value *= floats(inputs.gate)[(gate?.offset ?? 0) + row * (gate?.stride ?? n) + c];
        }
        out[at] = add ? out[at] + value : value;
      }
  if (spec.heads) turnHeads(spec, spec.heads, inputs, out);
  return out;
}

/** Queries and keys of each row of out, normed and turned in place. */
function turnHeads(spec: MatmulSpec, heads: MatmulHeads, inputs: MatmulInputs, out: Float64Array): void {
  const { dim, queries, keys, eps, pairs, table } = heads;
  for (let r = 0; r < spec.m; r++)
    for (let head = 0; head < queries + keys; head++) {
      const kind = head < queries ? 0 : 1;
      const at = (spec.out?.offset ?? 0) + r * (spec.out?.stride ?? spec.n) + head * dim;
      const angles = (table?.offset ?? 0) + r * (table?.stride ?? dim / 2);
      const turned = qkNormRopeHead(
        out.slice(at, at + dim),
        { weight: floats(inputs.norms).subarray(kind * dim, (kind + 1) * dim), eps },
        {
          cos: floats(inputs.cosines).subarray(angles, angles + dim / 2),
          sin: floats(inputs.sines).subarray(angles, angles + dim / 2),
          half: pairs === 'half',
        },
      );
      out.set(turned, at);
    }
}

function weightIndex(w: MatmulWeightView, n: number, k: number, b: number, c: number, i: number): number {
  const base = (w.offset ?? 0) + Math.floor(b / (w.batchGroup ?? 1)) * (w.batchStride ?? 0);
  return w.order === 'nk' ? base + c * (w.stride ?? k) + i : base + i * (w.stride ?? n) + c;
}

function silu(value: number): number {
  return value / (1 + Math.exp(-value));
}

function geluTanh(value: number): number {
  return 0.5 * value * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3)));
}

function floats(view: ArrayBufferView): Float32Array {
  return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
}

function words(view: ArrayBufferView): Uint32Array {
  return new Uint32Array(view.buffer, view.byteOffset, view.byteLength / 4);
}

/** Every element of a buffer, widened exactly. */
function readElements(dtype: 'f32' | 'f16' | 'bf16' | 'i8', view: ArrayBufferView): Float64Array {
  if (dtype === 'f32') return Float64Array.from(floats(view));
  if (dtype === 'i8') return Float64Array.from(new Int8Array(view.buffer, view.byteOffset, view.byteLength));
  const codes = new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
  return Float64Array.from(codes, dtype === 'f16' ? decodeF16 : decodeBf16);
}

/** i4: (code - 8) * scale of the group, low half of a byte first. */
function readGroups(view: ArrayBufferView, scales: ArrayBufferView, group: number): Float64Array {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const factors = readElements('f16', scales);
  return Float64Array.from({ length: 2 * bytes.length }, (_, i) => {
    const code = i % 2 === 0 ? bytes[i >> 1] & 15 : bytes[i >> 1] >> 4;
    return (code - 8) * factors[Math.floor(i / group)];
  });
}

/** IEEE binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
function decodeF16(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 31;
  const fraction = code & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** bfloat16: sign, 8 bits of exponent (bias 127), 7 of fraction. */
function decodeBf16(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 7) & 255;
  const fraction = code & 127;
  if (exponent === 255) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -133 : sign * (128 + fraction) * 2 ** (exponent - 134);
}

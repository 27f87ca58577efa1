import type { BlockSize } from './block-tensors.ts';
import { MODULATION_ROWS } from './block-tensors.ts';
import { valuesOf } from './half.ts';
import { attentionRow, normModulateRow, rmsRopeHead } from './plain-references.ts';
import type { WorkloadTensors } from './workload.ts';

const EPS = 1e-6;

/**
 * An MMDiT block of Qwen-Image in f64, written from its formulas and independent of the engine: modulated LayerNorms, joint
 * attention with RMSNorm and rotation per head, gated residuals, MLPs with tanh-approximated GELU.
 *
 * @returns [txt + img, D]: both streams afterwards, text rows first
 */
export function blockReference(size: BlockSize, tensors: WorkloadTensors): Float64Array {
  const { heads, d, txt, img } = size;
  const width = heads * d;
  const get = (name: string): Float32Array => valuesOf(tensors[name]);
  const linear = (x: Float64Array, name: string): Float64Array =>
    linearRows(x, get(`${name}.weight`), get(`${name}.bias`));
  const vectorsOf = (stream: string): Record<(typeof MODULATION_ROWS)[number], Float32Array> =>
    Object.fromEntries(
      MODULATION_ROWS.map((name, row) => [name, get(`${stream}_mod`).subarray(row * width, (row + 1) * width)]),
    ) as Record<(typeof MODULATION_ROWS)[number], Float32Array>;
  const norm = (x: Float64Array, shift: Float32Array, scale: Float32Array): Float64Array => {
    const out = new Float64Array(x.length);
    for (let at = 0; at < x.length; at += width)
      out.set(normModulateRow(x.subarray(at, at + width), shift, scale, EPS), at);
    return out;
  };
  const streams = [
    {
      name: 'txt',
      rows: txt,
      first: 0,
      q: 'add_q_proj',
      k: 'add_k_proj',
      v: 'add_v_proj',
      out: 'to_add_out',
      norms: 'norm_added',
    },
    { name: 'img', rows: img, first: txt, q: 'to_q', k: 'to_k', v: 'to_v', out: 'to_out.0', norms: 'norm' },
  ];
  const joint = {
    q: new Float64Array((txt + img) * width),
    k: new Float64Array((txt + img) * width),
    v: new Float64Array((txt + img) * width),
  };
  for (const { name, rows, first, q, k, v, norms } of streams) {
    const { shift1, scale1 } = vectorsOf(name);
    const normed = norm(Float64Array.from(get(name)), shift1, scale1);
    joint.v.set(linear(normed, `attn.${v}`), first * width);
    for (const [part, layer, weight] of [
      ['q', q, `${norms}_q`],
      ['k', k, `${norms}_k`],
    ] as const) {
      const projected = linear(normed, `attn.${layer}`);
      for (let row = 0; row < rows; row++) {
        const [cos, sin] = ['cos', 'sin'].map((table) =>
          get(table).subarray(((first + row) * d) / 2, ((first + row + 1) * d) / 2),
        );
        for (let at = row * width; at < (row + 1) * width; at += d)
          joint[part].set(
            rmsRopeHead(projected.subarray(at, at + d), get(`attn.${weight}.weight`), cos, sin, EPS),
            first * width + at,
          );
      }
    }
  }
  const attended = new Float64Array((txt + img) * width);
  for (let token = 0; token < txt + img; token++)
    for (let head = 0; head < heads; head++)
      attended.set(attentionRow({ ...joint, s: txt + img, width, d }, token, head), token * width + head * d);

  const result = new Float64Array((txt + img) * width);
  for (const { name, rows, first, out } of streams) {
    const { gate1, shift2, scale2, gate2 } = vectorsOf(name);
    const x = Float64Array.from(get(name));
    const add = (y: Float64Array, gate: Float32Array): void =>
      y.forEach((value, i) => (x[i] += gate[i % width] * value));
    add(linear(attended.slice(first * width, (first + rows) * width), `attn.${out}`), gate1);
    const hidden = linear(norm(x, shift2, scale2), `${name}_mlp.net.0.proj`).map(geluTanh);
    add(linear(hidden, `${name}_mlp.net.2`), gate2);
    result.set(x, first * width);
  }
  return result;
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** x [rows, in] W^T + b with W [out, in]. */
function linearRows(x: Float64Array, weight: Float32Array, bias: Float32Array): Float64Array {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  const rows = x.length / inputs;
  const out = new Float64Array(rows * outputs);
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let i = 0; i < inputs; i++) sum += x[r * inputs + i] * weight[o * inputs + i];
      out[r * outputs + o] = sum;
    }
  return out;
}

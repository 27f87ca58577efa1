import type { CaseRandom, ExpectedOutput, KernelCase } from '../cases.ts';
import { caseOf } from './matmul-case.ts';
import { referenceMatmul, type MatmulInputs } from './matmul.reference.ts';
import { resolveMatmul, type MatmulSpec } from './matmul-spec.ts';
import type { MatmulSplit } from './matmul-split.ts';

/*
 * Cases of two products in one dispatch (spec kernels 2.2), each checked against two products on their own.
 */

type SplitSpec = MatmulSpec & { readonly split: MatmulSplit };

/** The two products of a split one as specs of their own. Both read and write the binding that the split one would. */
function productsOf(spec: SplitSpec): [MatmulSpec, MatmulSpec] {
  const { split, gate, heads, ...rest } = spec;
  const { m, w, x, out } = resolveMatmul(spec);
  const { at } = split;
  const second = split.out?.offset ?? out.offset + at * out.stride;
  const table = heads && { ...heads.table, stride: heads.table?.stride ?? heads.dim / 2 };
  return [
    {
      ...rest,
      m: at,
      ...(gate ? { gate: { ...gate, indexed: false } } : {}),
      ...(heads ? { heads } : {}),
    },
    {
      ...rest,
      m: m - at,
      x: { ...rest.x, offset: x.offset + at * x.stride },
      w: { ...rest.w, offset: w.offset + w.batchStride },
      out: { ...rest.out, offset: second, stride: out.stride },
      ...(gate ? { gate: { ...gate, offset: split.gateOffset ?? gate.offset } } : {}),
      ...(heads && table
        ? { heads: { ...heads, table: { ...table, offset: (table.offset ?? 0) + at * table.stride } } }
        : {}),
    },
  ];
}

/** What belongs to one of both products: half of a binding that holds both. */
function half(inputs: MatmulInputs, name: string, part: 0 | 1): Record<string, ArrayBufferView> {
  const view = inputs[name];
  if (!view) return {};
  const floats = new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
  return { [name]: floats.subarray((part * floats.length) / 2, ((part + 1) * floats.length) / 2) };
}

function expectedOf(spec: SplitSpec, inputs: MatmulInputs): Record<string, ExpectedOutput> {
  const dtype = spec.out?.dtype ?? 'f32';
  const isSeparate = spec.split.out?.isSeparate === true;
  const [first, second] = productsOf(spec).map((product, i): Float64Array => {
    const part = i === 0 ? 0 : 1;
    return referenceMatmul(product, {
      ...inputs,
      ...half(inputs, 'bias', part),
      ...half(inputs, 'norms', part),
      ...(spec.w.dtype === 'i8' ? half(inputs, 'scales', part) : {}),
      ...(part === 1 && inputs.row_scales
        ? { row_scales: new Float32Array((inputs.row_scales as Float32Array).subarray(spec.split.at)) }
        : {}),
      ...(part === 1 && isSeparate ? { out: inputs.out_second } : {}),
    });
  });
  if (isSeparate) return { out: { dtype, values: first }, out_second: { dtype, values: second } };
  // Each product left the other's elements as they were.
  const { out } = resolveMatmul(spec);
  const from = spec.split.out?.offset ?? out.offset + spec.split.at * out.stride;
  const isFirst = (i: number): boolean => (from > out.offset ? i < from : i >= out.offset);
  return { out: { dtype, values: first.map((value, i) => (isFirst(i) ? value : second[i])) } };
}

function inputsOf(random: CaseRandom, spec: SplitSpec, plain: MatmulInputs): Record<string, ArrayBufferView> {
  const { n, out, w, split, heads } = resolveMatmul(spec);
  const inputs: Record<string, ArrayBufferView> = { ...plain };
  if (spec.bias) inputs.bias = random.floats(2 * n);
  if (w.dtype === 'i8') inputs.scales = Float32Array.from({ length: 2 * n }, () => random.uniform(0.001, 0.02));
  if (heads) inputs.norms = random.floats(4 * heads.dim);
  if (spec.gate) inputs.gate = random.floats(resolveMatmul(spec).gate.end);
  // Rows that are added to hold data, others NaN: all of it is compared.
  const fill = (length: number): Float32Array =>
    spec.add ? random.floats(length) : new Float32Array(length).fill(Number.NaN);
  if (out.dtype === 'f32') inputs.out = fill(out.byteLength / 4);
  if (split && split.secondEnd > 0) inputs.out_second = fill(split.secondEnd);
  return inputs;
}

function splitCase(name: string, spec: SplitSpec): KernelCase {
  const plain = caseOf(`${name}, split`, spec, 'matrix');
  return {
    ...plain,
    inputs: (random, facts, variant) => inputsOf(random, spec, plain.inputs(random, facts, variant)),
    expected: (inputs) => expectedOf(spec, inputs),
  };
}

const f16nk = { dtype: 'f16', order: 'nk' } as const;
const weights = (n: number, k: number) => ({ ...f16nk, batchStride: n * k });
const heads = { dim: 64, queries: 1, keys: 1, eps: 1e-6, pairs: 'interleaved' } as const;

const specs: readonly (readonly [string, SplitSpec])[] = [
  ['13 + 86 rows', { m: 99, n: 72, k: 40, w: weights(72, 40), bias: true, split: { at: 13 } }],
  ['64 + 1 rows, K of an odd number of steps', { m: 65, n: 20, k: 96, w: weights(20, 96), split: { at: 64 } }],
  [
    '1 + 70 rows, gelu, windows',
    {
      m: 71,
      n: 24,
      k: 20,
      x: { offset: 2 * 52 + 16, stride: 52 },
      w: { ...f16nk, offset: 8, stride: 24, batchStride: 24 * 24 + 40 },
      out: { offset: 3 * 40 + 8, stride: 40 },
      bias: true,
      activation: 'gelu_tanh',
      split: { at: 1 },
    },
  ],
  [
    'gate of one row, the second part before the first',
    {
      m: 40,
      n: 28,
      k: 24,
      w: weights(28, 24),
      out: { offset: 28 * 40 },
      bias: true,
      add: 'gated',
      gate: { offset: 40 },
      split: { at: 19, gateOffset: 3, out: { offset: 28 * 4 } },
    },
  ],
  [
    'gate by index into buffers of their own',
    {
      m: 83,
      n: 28,
      k: 24,
      w: weights(28, 24),
      bias: true,
      xScale: 2 ** -5,
      add: 'gated',
      gate: { offset: 5, stride: 90, tableRows: 3, indexed: true, rowOffset: 7 },
      split: { at: 17, gateOffset: 40, out: { offset: 8, isSeparate: true } },
    },
  ],
  [
    'heads of 64',
    {
      m: 54,
      n: 192,
      k: 40,
      w: weights(192, 40),
      bias: true,
      heads: { ...heads, table: { offset: 6, stride: 33 } },
      split: { at: 21 },
    },
  ],
  [
    'i8 with scales',
    { m: 30, n: 36, k: 24, w: { dtype: 'i8', order: 'nk', batchStride: 36 * 24 }, bias: true, split: { at: 9 } },
  ],
  [
    'i8 x i8, heads of 64',
    {
      m: 30,
      n: 192,
      k: 48,
      x: { dtype: 'i8' },
      w: { dtype: 'i8', order: 'nk', batchStride: 192 * 48 },
      heads,
      split: { at: 9 },
    },
  ],
];

/** Cases of `split`. */
export const splitCases: readonly KernelCase[] = specs.map(([name, spec]) => splitCase(name, spec));

import type { CaseRandom, KernelCase, OpCases } from '../cases.ts';
import type { DeviceFacts } from '../facts.ts';
import { floatsOf } from '../case-rows.ts';
import { conv2dReference } from './conv2d.reference.ts';
import {
  conv2dOutputSize,
  conv2dVariants,
  isMatrixConv,
  planConv2d,
  type Conv2dOptions,
  type Conv2dVariant,
} from './conv2d.ts';
import { conv2dWeightLayout, type ConvWeightDType } from './conv2d-weight.ts';

type Shape = Omit<Conv2dOptions, 'weightDType'> & {
  readonly weightDType?: ConvWeightDType;
  readonly benchOnly?: boolean;
  /** On the matrix unit: the input holds what f16 holds, so that sums are all that rounds. */
  readonly matrix?: boolean;
};

const SHAPES: readonly Shape[] = [
  { inH: 1, inW: 1, inC: 1, outC: 1, kernel: 3 },
  { inH: 1, inW: 1, inC: 3, outC: 5, kernel: 1 },
  { inH: 5, inW: 7, inC: 3, outC: 4, kernel: 3 },
  { inH: 9, inW: 33, inC: 4, outC: 9, kernel: 3, weightDType: 'f16' },
  { inH: 17, inW: 11, inC: 20, outC: 67, kernel: 3, weightDType: 'bf16', silu: true },
  { inH: 12, inW: 65, inC: 16, outC: 3, kernel: 3 },
  { inH: 6, inW: 9, inC: 13, outC: 24, kernel: 3, residual: 'add', silu: true },
  { inH: 7, inW: 6, inC: 12, outC: 6, kernel: 3, residual: 'in-place', inOffset: 5, outOffset: 3 },
  { inH: 10, inW: 13, inC: 17, outC: 18, kernel: 1, residual: 'add', residualOffset: 7, weightDType: 'bf16' },
  { inH: 3, inW: 40, inC: 8, outC: 33, kernel: 1, weightDType: 'f16' },
  { inH: 8, inW: 8, inC: 5, outC: 6, kernel: 3, stride: 2 },
  { inH: 7, inW: 35, inC: 4, outC: 12, kernel: 3, stride: 2, weightDType: 'f16' },
  { inH: 2, inW: 3, inC: 2, outC: 1, kernel: 3, stride: 2 },
  { inH: 1, inW: 1, inC: 3, outC: 2, kernel: 3, upsample: 2 },
  { inH: 5, inW: 19, inC: 6, outC: 10, kernel: 3, upsample: 2 },
  { inH: 4, inW: 6, inC: 16, outC: 8, kernel: 3, upsample: 2, residual: 'in-place' },
  // Bands of a taller picture: rows at the window's edge come from outside of the band's output rows.
  { inH: 11, inW: 9, inC: 4, outC: 5, kernel: 3, band: { inRow0: 2, inRows: 6, outRow0: 3, outRows: 4 } },
  { inH: 11, inW: 9, inC: 4, outC: 5, kernel: 3, band: { inRow0: 6, inRows: 5, outRow0: 8, outRows: 3 } },
  { inH: 7, inW: 5, inC: 3, outC: 8, kernel: 3, upsample: 2, band: { inRow0: 2, inRows: 4, outRow0: 5, outRows: 6 } },
  { inH: 12, inW: 7, inC: 3, outC: 4, kernel: 3, stride: 2, band: { inRow0: 4, inRows: 7, outRow0: 2, outRows: 3 } },
  { inH: 64, inW: 64, inC: 128, outC: 128, kernel: 3, benchOnly: true },
  { inH: 128, inW: 128, inC: 128, outC: 128, kernel: 3, benchOnly: true },
  { inH: 64, inW: 64, inC: 192, outC: 96, kernel: 3, upsample: 2, benchOnly: true },
  { inH: 128, inW: 128, inC: 96, outC: 96, kernel: 3, stride: 2, benchOnly: true },
  { inH: 64, inW: 64, inC: 192, outC: 384, kernel: 1, benchOnly: true },
];

/** On the matrix unit: every way in which a tile can be ragged, and every way of addressing. */
const MATRIX_SHAPES: readonly Shape[] = [
  { inH: 1, inW: 1, inC: 1, outC: 1, kernel: 3, weightDType: 'f16', matrix: true },
  { inH: 9, inW: 17, inC: 12, outC: 70, kernel: 3, weightDType: 'f16', matrix: true },
  { inH: 9, inW: 33, inC: 5, outC: 9, kernel: 3, weightDType: 'bf16', silu: true, matrix: true },
  { inH: 6, inW: 9, inC: 13, outC: 24, kernel: 3, weightDType: 'f16', residual: 'add', silu: true, matrix: true },
  {
    inH: 7,
    inW: 6,
    inC: 12,
    outC: 6,
    kernel: 3,
    weightDType: 'f16',
    residual: 'in-place',
    inOffset: 5,
    outOffset: 3,
    matrix: true,
  },
  {
    inH: 10,
    inW: 13,
    inC: 16,
    outC: 18,
    kernel: 1,
    residual: 'add',
    residualOffset: 7,
    weightDType: 'f16',
    matrix: true,
  },
  { inH: 7, inW: 35, inC: 4, outC: 12, kernel: 3, stride: 2, weightDType: 'f16', matrix: true },
  { inH: 5, inW: 19, inC: 8, outC: 10, kernel: 3, upsample: 2, weightDType: 'f16', inScale: 2 ** -5, matrix: true },
  {
    inH: 11,
    inW: 9,
    inC: 4,
    outC: 5,
    kernel: 3,
    weightDType: 'f16',
    band: { inRow0: 2, inRows: 6, outRow0: 3, outRows: 4 },
    matrix: true,
  },
  // Normalised as they are read. Factors and gammas are powers of two there: without SiLU nothing but the sums rounds.
  { inH: 6, inW: 9, inC: 13, outC: 24, kernel: 3, weightDType: 'f16', norm: { silu: false }, matrix: true },
  { inH: 9, inW: 17, inC: 12, outC: 70, kernel: 3, weightDType: 'f16', norm: { silu: true }, matrix: true },
  {
    inH: 7,
    inW: 6,
    inC: 16,
    outC: 9,
    kernel: 3,
    upsample: 2,
    weightDType: 'bf16',
    norm: { silu: true },
    residual: 'add',
    inOffset: 3,
    inScale: 2 ** -3,
    matrix: true,
  },
  {
    inH: 11,
    inW: 9,
    inC: 8,
    outC: 5,
    kernel: 3,
    weightDType: 'f16',
    norm: { silu: false },
    residual: 'in-place',
    band: { inRow0: 2, inRows: 6, outRow0: 3, outRows: 4 },
    matrix: true,
  },
  { inH: 5, inW: 11, inC: 24, outC: 18, kernel: 1, weightDType: 'f16', norm: { silu: true }, matrix: true },
];

/** Bytes of `count` random weights in [-1, 1) of a dtype, made bit by bit: no rounding is involved. */
function randomWeight(random: CaseRandom, count: number, dtype: ConvWeightDType): ArrayBufferView {
  if (dtype === 'f32') return Float32Array.from({ length: count }, () => Math.fround(random.uniform(-1, 1)));
  // f16: exponents 9..14 are 2^-6..2^-1; bf16: the same as 121..126.
  const [bits, low] = dtype === 'f16' ? [10, 9] : [7, 121];
  const halves = new Uint16Array(Math.ceil(count / 2) * 2);
  for (let i = 0; i < count; i++)
    halves[i] = (random.integer(2) << 15) | ((low + random.integer(6)) << bits) | random.integer(2 ** bits);
  return halves;
}

/** Value number `index` of a weight's bytes, in f64. */
function weightAt(bytes: ArrayBufferView, dtype: ConvWeightDType, index: number): number {
  if (dtype === 'f32') return new Float32Array(bytes.buffer, bytes.byteOffset)[index];
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset)[index];
  const [bits, bias] = dtype === 'f16' ? [10, 15] : [7, 127];
  const exponent = ((half & 0x7fff) >> bits) - bias;
  return (half & 0x8000 ? -1 : 1) * 2 ** exponent * (1 + (half & (2 ** bits - 1)) / 2 ** bits);
}

/** The device's [kernel, kernel, inC, padded] as torch's [outC, inC, kernel, kernel]. */
function torchWeight(bytes: ArrayBufferView, options: Conv2dOptions): Float64Array {
  const { inC, outC, kernel, weightDType } = options;
  const padded = Math.ceil(outC / 4) * 4;
  const weight = new Float64Array(outC * inC * kernel * kernel);
  let index = 0;
  for (let o = 0; o < outC; o++)
    for (let c = 0; c < inC; c++)
      for (let tap = 0; tap < kernel * kernel; tap++)
        weight[index++] = weightAt(bytes, weightDType, (tap * inC + c) * padded + o);
  return weight;
}

function variantsOf(facts: DeviceFacts, options: Conv2dOptions, matrix: boolean): readonly Conv2dVariant[] {
  const own = conv2dVariants(facts, options).filter((variant) => isMatrixConv(variant) === matrix);
  return matrix ? own.slice(0, 1) : own;
}

function makeCase(shape: Shape): KernelCase {
  const { benchOnly = false, matrix = false, ...rest } = shape;
  const options: Conv2dOptions = { ...rest, weightDType: shape.weightDType ?? 'f32' };
  const { inH, inW, inC, outC, kernel, stride = 1, upsample = 1, residual = 'none', weightDType } = options;
  const { inOffset = 0, residualOffset = 0, outOffset = 0 } = options;
  const [outH, outW] = conv2dOutputSize(options);
  const { inRow0, inRows, outRow0, outRows } = options.band ?? { inRow0: 0, inRows: inH, outRow0: 0, outRows: outH };
  const outCount = outRows * outW * outC;
  const terms = inC * kernel * kernel;
  const notes = [
    weightDType,
    ...(options.silu ? ['silu'] : []),
    ...(options.norm ? [options.norm.silu ? 'normed+silu' : 'normed'] : []),
    ...(residual === 'none' ? [] : [residual]),
    ...(matrix ? ['matrix'] : []),
    ...(options.inScale ? [`scale ${options.inScale}`] : []),
    ...(options.band ? [`rows ${outRow0}+${outRows}`] : []),
  ].join(' ');
  return {
    name: `[${inH},${inW},${inC}]->${outC} k${kernel} s${stride} up${upsample} ${notes}`,
    ...(matrix
      ? {
          skip: (facts: DeviceFacts) =>
            variantsOf(facts, options, matrix).length > 0 ? undefined : 'the device has no f16 matrices with f32 sums',
        }
      : {}),
    variants: (facts) => variantsOf(facts, options, matrix),
    plan: (facts, variant) => planConv2d(facts, options, variant as Conv2dVariant),
    inputs: (random) => {
      const layout = conv2dWeightLayout(outC, inC, kernel, weightDType);
      const input = random.floats(inOffset + inRows * inW * inC);
      if (matrix) input.forEach((x, i) => (input[i] = Math.round(x * 512) / 512));
      input.fill(Number.NaN, 0, inOffset);
      const all: Record<string, ArrayBufferView> = {
        input,
        weight: randomWeight(random, kernel * kernel * inC * layout.shape[3], weightDType),
        bias: random.floats(outC),
      };
      if (options.norm) {
        const powers = (count: number) => Float32Array.from({ length: count }, () => 2 ** (random.integer(4) - 2));
        all.factors = powers(inRows * inW);
        all.gamma = powers(inC).map((value, c) => (c % 3 === 1 ? -value : value));
      }
      if (residual === 'add') all.residual = random.floats(residualOffset + outCount);
      if (residual === 'none') all.residual = Float32Array.of(Number.NaN); // bound and never added
      if (residual === 'in-place') all.output = random.floats(outOffset + outCount);
      else if (outOffset > 0) all.output = new Float32Array(outOffset);
      return all;
    },
    expected: (inputs) => {
      // The band's input rows in their place of the whole picture; rows outside must not matter, hence 0.
      const input = new Float64Array(inH * inW * inC);
      input.set(floatsOf(inputs, 'input').subarray(inOffset), inRow0 * inW * inC);
      if (options.norm) {
        const [factors, gamma] = [floatsOf(inputs, 'factors'), floatsOf(inputs, 'gamma')];
        for (let i = 0; i < factors.length * inC; i++) {
          const at = inRow0 * inW * inC + i;
          const normed = input[at] * factors[Math.floor(i / inC)] * gamma[i % inC];
          input[at] = options.norm.silu ? normed / (1 + Math.exp(-normed)) : normed;
        }
      }
      const before = residual === 'in-place' ? floatsOf(inputs, 'output') : undefined;
      const skip =
        residual === 'add' ? floatsOf(inputs, 'residual').subarray(residualOffset) : before?.subarray(outOffset);
      const picture = conv2dReference(options, {
        input,
        weight: torchWeight(inputs.weight, options),
        bias: floatsOf(inputs, 'bias'),
      });
      const start = outRow0 * outW * outC;
      const values = new Float64Array(outOffset + outCount);
      values.set(before?.subarray(0, outOffset) ?? []);
      for (let i = 0; i < outCount; i++) values[outOffset + i] = picture[start + i] + (skip?.[i] ?? 0);
      return { output: { dtype: 'f32', values } };
    },
    // A single output may be small by cancellation; an average over many is not. What SiLU gives is rounded to f16 before
    // it is multiplied: half a unit is 2^-11 of a value below 4, times weights below 1.
    tolerance: options.norm?.silu
      ? { atol: 2 ** -11 * Math.sqrt(terms), rtol: 2 ** -11, nmse: 2 ** -22 }
      : { atol: 2e-6 * Math.sqrt(terms), rtol: 2e-6, nmse: outCount < 8 ? 1e-10 : 1e-12 },
    benchOnly,
  };
}

/** Cases of `conv2d`. */
export const cases: OpCases = { op: 'conv2d', cases: [...SHAPES, ...MATRIX_SHAPES].map(makeCase) };

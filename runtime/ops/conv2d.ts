import { conv2dOutputSize, planConv2d, type Conv2dBand } from '../../kernels/conv2d/conv2d.ts';
import {
  conv2dWeightLayout,
  lastTemporalTap,
  packConv2dWeight,
  type ConvWeightDType,
} from '../../kernels/conv2d/conv2d-weight.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import type { Value } from '../program/plan.ts';
import { requireShape } from './check.ts';
import { f32ToBf16, f32ToF16 } from '../safetensors/convert.ts';

export { conv2dFusesNorm, conv2dInputRows, conv2dOutputSize, type Conv2dBand } from '../../kernels/conv2d/conv2d.ts';
export type { ConvWeightDType } from '../../kernels/conv2d/conv2d-weight.ts';

/** A convolution's tensors in the checkpoint: `<name>.weight` [outC, inC, (depth,) kernel, kernel], `<name>.bias` [outC]. */
export interface ConvSpec {
  readonly name: string;
  readonly outC: number;
  readonly inC: number;
  readonly kernel: 1 | 3;
  /** Temporal taps of a causal 3-D weight, of which only the last one is used; absent for a 2-D weight. */
  readonly depth?: number;
  /** Form on the device. bf16 weights widen exactly; f16 ones round what f16 cannot hold. */
  readonly dtype: ConvWeightDType;
}

/** How a convolution is applied. */
export interface Conv2dApply {
  readonly stride?: 1 | 2;
  readonly upsample?: 1 | 2;
  readonly silu?: boolean;
  /** Added to the result; [outRows, outW, outC]. */
  readonly residual?: Value;
  /**
   * Normalises x where it is read: times its pixel's factor, f32 [rows * width] (`pixelFactors`), and its channel's gamma,
   * f32 [inC]. Only where `conv2dFusesNorm` says so.
   */
  readonly norm?: { readonly factors: Value; readonly gamma: Value; readonly silu: boolean };
  /** Where the result goes; a new temporary where absent. */
  readonly out?: Value;
  /** Height of the whole picture and the rows of it that `x` and the output hold; all rows where absent. */
  readonly band?: Conv2dBand & { readonly inH: number };
}

/**
 * Records a convolution of x [rows, width, inC] f32, channels last.
 *
 * @returns [outRows, outW, outC] f32: `apply.out`, or a new temporary
 * @throws ShapeError if the shapes do not fit the specification
 */
export function conv2d(builder: ProgramBuilder, x: Value, spec: ConvSpec, apply: Conv2dApply = {}): Value {
  const { outC, inC, kernel, dtype } = spec;
  const { stride = 1, upsample = 1, silu = false, residual, band, norm } = apply;
  const [rows, inW, channels] = x.shape;
  if (x.shape.length !== 3 || channels !== inC || (band && rows !== band.inRows))
    throw new ShapeError(
      `conv2d: "${spec.name}" takes [${band?.inRows ?? 'height'}, width, ${inC}], got [${x.shape.join(', ')}].`,
    );
  const inH = band?.inH ?? rows;
  const [outH, outW] = conv2dOutputSize({ inH, inW, stride, upsample });
  const shape = [band?.outRows ?? outH, outW, outC];
  const out = apply.out ?? builder.temp('f32', shape, spec.name);
  for (const [name, value] of Object.entries({ out, residual }))
    if (value && value.shape.join() !== shape.join())
      throw new ShapeError(
        `conv2d: ${name} of "${spec.name}" must be [${shape.join(', ')}], got [${value.shape.join(', ')}].`,
      );
  if (norm) {
    requireShape('conv2d', 'factors', norm.factors, [rows * inW]);
    requireShape('conv2d', 'gamma', norm.gamma, [inC]);
    for (const [name, value] of Object.entries({ factors: norm.factors, gamma: norm.gamma }))
      if (value.offset !== 0) throw new ShapeError(`conv2d: ${name} of "${spec.name}" must begin its tensor.`);
  }
  const inPlace = residual?.storage === out.storage;
  const plan = planConv2d(builder.facts, {
    inH,
    inW,
    inC,
    outC,
    kernel,
    stride,
    upsample,
    weightDType: dtype,
    silu,
    residual: residual ? (inPlace ? 'in-place' : 'add') : 'none',
    ...(norm && { norm: { silu: norm.silu } }),
    inOffset: x.offset,
    residualOffset: residual?.offset ?? 0,
    outOffset: out.offset,
    ...(band && { band: { inRow0: band.inRow0, inRows: band.inRows, outRow0: band.outRow0, outRows: band.outRows } }),
  });
  const { weight, bias } = convWeight(builder, spec);
  // Without a residual its binding is never read: the bias stands for it.
  const normalizing = norm ? [norm.factors, norm.gamma] : [];
  builder.dispatch(plan, [x, weight, bias, ...(inPlace ? [] : [residual ?? bias]), ...normalizing, out]);
  return out;
}

/** A convolution's weight and bias in the form that the kernels read. */
function convWeight(builder: ProgramBuilder, spec: ConvSpec): { readonly weight: Value; readonly bias: Value } {
  const { name, outC, inC, kernel, depth, dtype } = spec;
  const { weight, bias } = builder.weights({
    key: `${name}:conv2d-${dtype}`,
    tensors: [`${name}.weight`, `${name}.bias`],
    parts: {
      weight: { dtype, shape: conv2dWeightLayout(outC, inC, kernel, dtype).shape },
      bias: { dtype: 'f32', shape: [outC] },
    },
    pack: ([stored, bias]) => {
      const values = stored.toF32();
      const planar = depth === undefined ? values : lastTemporalTap(values, outC, inC, depth, kernel);
      const packed = packConv2dWeight(planar, outC, inC, kernel);
      return {
        weight: dtype === 'f16' ? f32ToF16(packed) : dtype === 'bf16' ? f32ToBf16(packed) : packed,
        bias: bias.toF32(),
      };
    },
  });
  return { weight, bias };
}

import type { DType } from '../../kernels/dtype.ts';
import { fusesMatmul, planMatmul, type MatmulSpec, type MatmulVariant } from '../../kernels/matmul/matmul.ts';
import { I4_GROUP } from '../../kernels/matmul/matmul-spec.ts';
import { rotatedRows, rotationGroup } from '../../kernels/quantize-rows/quantize-rows-rotation.ts';
import {
  matmulWeightLayout,
  packMatmulWeight,
  type MatmulWeightDType,
  type MatmulWeightFormat,
} from '../../kernels/matmul/weight-layout.ts';
import { DTypeError, ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { asU16, bf16ToF16, f32ToBf16, f32ToF16 } from '../safetensors/convert.ts';
import type { TensorBytes } from '../weights/tensor-bytes.ts';
import { requireDType, requireShape } from './check.ts';
import type { QuantizedRows } from './quantize-rows.ts';
import type { Rotation } from './qk-norm-rope.ts';

export type { MatmulWeightDType } from '../../kernels/matmul/weight-layout.ts';

/** Weights of one or more linear layers with the same input, fused along the output channels. */
export interface MatmulWeightSpec {
  /** Tensors of the checkpoint, each [out, in]. */
  readonly tensors: readonly string[];
  /** Output channels of each tensor. */
  readonly outs: readonly number[];
  readonly inputs: number;
  /** Form on the device: bf16 and f16 of the checkpoint are kept bit for bit, other pairs round to nearest even. */
  readonly dtype: MatmulWeightDType;
  /** Of i8: inputs are rotated before they are rounded, as `quantizeRows` rotates x. */
  readonly rotate?: boolean;
}

/** A weight on the device, as `matmul` takes it. */
export interface MatmulWeight {
  readonly value: Value;
  /** Of i8: f32 [n]. Of i4: f16 [n, groups]. */
  readonly scales?: Value;
  readonly format: MatmulWeightFormat;
  /** Output channels and inputs. */
  readonly n: number;
  readonly k: number;
  /** Inputs that were rotated together; 1 = none. */
  readonly group: number;
}

/** What happens to the product on its way out. */
export interface MatmulEpilogue {
  readonly activation?: 'gelu_tanh' | 'silu';
  /** Where the result goes, f32 [m, n], windows allowed; a new temporary where absent. */
  readonly out?: Value;
  /** out += result, in place. */
  readonly residual?: boolean;
  /** out += table[row, column ... column + n) * result, in place. Row 0 for all rows of out, or `index[r]` (u32 [m]). */
  readonly gate?: { readonly table: Value; readonly column: number; readonly index?: Value };
  /** A power of two that brings x into f16's range where it is rounded to f16 (matrix units); the result is the same. */
  readonly xScale?: number;
  /** Norm and rotation of the heads of a projection to [queries | keys | values]: only where `matmulFuses`. */
  readonly heads?: MatmulHeadArgs;
  /**
   * A second product of the same shape in the same dispatch, only where `matmulFuses`: weight, bias and norms hold what belongs
   * to the first, then what belongs to the second; tables of angles have all rows; a gate's index is of the second's rows, and
   * the first's take row 0.
   */
  readonly second?: MatmulSecond;
}

/** Which rows are the second product's, and where they go. */
export interface MatmulSecond {
  /** Rows of x before `at` belong to the first product. */
  readonly at: number;
  /** Column of the second's gate. */
  readonly gateColumn?: number;
  /** f32 [m - at, n]: then the first's out is [at, n]; absent: out [m, n] has both. */
  readonly out?: Value;
}

/** Heads of queries, keys and values, as many of each, side by side in the columns of out. */
export interface MatmulHeadArgs {
  /** Columns of a head. */
  readonly dim: number;
  readonly eps: number;
  /** f32 [2 * dim] for each product: RMSNorm weights of queries, then of keys. */
  readonly norms: Value;
  /** f32 [m, dim / 2] (windows of rows allowed). */
  readonly rope: Rotation;
}

/** Operands of a linear layer. */
export interface MatmulArgs extends MatmulEpilogue {
  /** f32 (or packed f16) [m, k], windows allowed; or rows of i8, with a weight of i8 that was rotated alike. */
  readonly x: Value | QuantizedRows;
  readonly weight: MatmulWeight;
  /** f32 [n]. */
  readonly bias?: Value;
  /** Forces an algorithm; the planner's choice where absent. */
  readonly variant?: MatmulVariant;
}

/**
 * The weights of linear layers, in the form that this device's matmul prefers.
 *
 * @throws ShapeError if the lists differ in length
 * @throws DTypeError if a weight other than i8 is to be rotated
 */
export function matmulWeight(builder: ProgramBuilder, spec: MatmulWeightSpec): MatmulWeight {
  const { tensors, outs, inputs, dtype, rotate = false } = spec;
  if (tensors.length === 0 || tensors.length !== outs.length)
    throw new ShapeError(`matmul: ${tensors.length} weights with ${outs.length} output sizes.`);
  if (rotate && dtype !== 'i8') throw new DTypeError(`matmul: only weights of i8 are rotated, got ${dtype}.`);
  const group = rotate ? rotationGroup(inputs) : 1;
  const n = outs.reduce((sum, count) => sum + count, 0);
  const format = matmulWeightLayout(builder.facts, n, inputs, dtype);
  const { weight, scales } = builder.weights({
    key: `${tensors.join('|')}:matmul-${dtype}-${format.order}${format.stride}${group > 1 ? `-rotated${group}` : ''}`,
    tensors,
    parts: partsOf(format, n),
    pack: (stored) => pack(stored, spec, format, group),
  });
  return { value: weight, format, n, k: inputs, group, ...(scales ? { scales } : {}) };
}

/** What lies on the device: i4 codes as words, eight to each, and a scale for each group of inputs. */
function partsOf(
  { dtype, shape, stride }: MatmulWeightFormat,
  n: number,
): Record<string, { dtype: DType; shape: readonly number[] }> {
  if (dtype === 'i4')
    return {
      weight: { dtype: 'u32', shape: [n, stride / 8] },
      scales: { dtype: 'f16', shape: [n, stride / I4_GROUP] },
    };
  return { weight: { dtype, shape }, ...(dtype === 'i8' ? { scales: { dtype: 'f32', shape: [n] } } : {}) };
}

/**
 * Records act(x w^T + bias), stored or added into `out`; sums are f32.
 *
 * @returns f32 [m, n]: `args.out`, or a new temporary
 * @throws ShapeError, DTypeError if operands do not fit each other
 */
export function matmul(builder: ProgramBuilder, args: MatmulArgs): Value {
  const op = 'matmul';
  const { weight, bias, activation, residual = false, gate, xScale, heads, second, variant } = args;
  const { k, format } = weight;
  const problems = second ? 2 : 1;
  const n = weight.n / problems;
  const { x, scales } = leftOperand(args.x, weight);
  requireShape(op, 'x', x, [-1, k]);
  if (x.dtype !== 'f16' && !scales) requireDType(op, 'x', x, 'f32');
  const m = x.shape[0];
  if (bias) requireVector(op, 'bias', bias, 'f32', problems * n);
  if ((residual || gate) && !args.out)
    throw new ShapeError(`${op}: ${gate ? 'gate' : 'residual'} adds to "out", which is missing.`);
  if (residual && gate) throw new ShapeError(`${op}: give residual or gate, not both: a gate adds already.`);
  const out = args.out ?? builder.temp('f32', [m, n], op);
  requireDType(op, 'out', out, 'f32');
  requireShape(op, 'out', out, [second?.out ? second.at : m, n]);
  const plan = planMatmul(
    builder.facts,
    {
      m,
      n,
      k,
      x: { ...viewOf(x), dtype: scales ? 'i8' : x.dtype === 'f16' ? 'f16' : 'f32' },
      w: {
        dtype: format.dtype,
        order: format.order,
        stride: format.stride,
        ...(second ? { batchStride: n * format.stride } : {}),
      },
      out: viewOf(out),
      bias: bias !== undefined,
      ...(activation ? { activation } : {}),
      ...(xScale !== undefined ? { xScale } : {}),
      ...(residual ? { add: 'residual' as const } : {}),
      ...(gate ? { add: 'gated' as const, gate: gateView(op, gate, m - (second?.at ?? 0), n) } : {}),
      ...(heads ? { heads: headsView(op, heads, m, n, problems) } : {}),
      ...(second ? { split: splitView(op, second, out, gate, m, n) } : {}),
    },
    variant,
  );
  const operands = [x, weight.value];
  if (weight.scales) operands.push(weight.scales);
  if (scales) operands.push(scales);
  if (bias) operands.push(bias);
  if (gate) operands.push(gate.table);
  if (gate?.index) operands.push(gate.index);
  if (heads) operands.push(heads.norms, heads.rope.cos, heads.rope.sin);
  if (second?.out && second.out.storage !== out.storage) builder.dispatch(plan, [...operands, out, second.out]);
  else builder.dispatch(plan, [...operands, out]);
  return out;
}

/**
 * Whether `matmul` of this device takes heads, or a second product, or both. If not, `qkNormRope` is to follow it, and each
 * product is to have its own dispatch.
 *
 * @param product.dtype how the weight [n, k] lies on the device
 * @param product.at rows of the first of two products
 * @param product.gated whether the two are gated into values of their own
 */
export function matmulFuses(
  { facts }: ProgramBuilder,
  product: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly x: 'f32' | 'i8';
    readonly dtype: MatmulWeightDType;
    readonly heads?: { readonly dim: number; readonly pairs: Rotation['pairs'] };
    readonly at?: number;
    readonly gated?: boolean;
  },
): boolean {
  const { m, n, k, x, dtype, heads, at, gated = false } = product;
  if (heads && (heads.dim % (heads.pairs === 'half' ? 8 : 4) !== 0 || n % (3 * heads.dim) !== 0)) return false;
  if (at !== undefined && n % 4 !== 0) return false;
  const { order, stride } = matmulWeightLayout(facts, n, k, dtype);
  const count = heads ? n / heads.dim / 3 : 0;
  return fusesMatmul(facts, {
    m,
    n,
    k,
    x: { dtype: x, stride: Math.ceil(k / 4) * 4 },
    w: { dtype, order, stride, ...(at === undefined ? {} : { batchStride: n * stride }) },
    bias: true,
    ...(heads ? { heads: { ...heads, queries: count, keys: count, eps: 0 } } : {}),
    ...(gated ? { add: 'gated', gate: { indexed: true } } : {}),
    ...(at === undefined ? {} : { split: { at, ...(gated ? { out: { offset: 0, isSeparate: true } } : {}) } }),
  });
}

function headsView(
  op: string,
  { dim, eps, norms, rope }: MatmulHeadArgs,
  m: number,
  n: number,
  problems: number,
): NonNullable<MatmulSpec['heads']> {
  requireVector(op, 'norms', norms, 'f32', problems * 2 * dim);
  requireShape(op, 'cos', rope.cos, [m, dim / 2]);
  requireShape(op, 'sin', rope.sin, [m, dim / 2]);
  if (n % (3 * dim) !== 0)
    throw new ShapeError(`${op}: n must be queries, keys and values of whole heads of ${dim}, got ${n}.`);
  const count = n / dim / 3;
  return { dim, eps, queries: count, keys: count, pairs: rope.pairs, table: viewOf(rope.cos) };
}

function splitView(
  op: string,
  { at, gateColumn, out: own }: MatmulSecond,
  out: Value,
  gate: MatmulEpilogue['gate'],
  m: number,
  n: number,
): NonNullable<MatmulSpec['split']> {
  if ((gate === undefined) !== (gateColumn === undefined))
    throw new ShapeError(`${op}: a second product is gated where the first is: give gate and gateColumn, or neither.`);
  if (own) {
    requireDType(op, 'second out', own, 'f32');
    requireShape(op, 'second out', own, [m - at, n]);
    if ((own.stride ?? n) !== (out.stride ?? n))
      throw new ShapeError(`${op}: both outs must have one stride, got ${out.stride ?? n} and ${own.stride ?? n}.`);
  }
  return {
    at,
    ...(gate && gateColumn !== undefined ? { gateOffset: gate.table.offset + gateColumn } : {}),
    ...(own ? { out: { offset: own.offset, isSeparate: own.storage !== out.storage } } : {}),
  };
}

/** x and, where it is of i8, the scales of its rows. Products are those of the unrotated operands only where both are rotated alike. */
function leftOperand(x: Value | QuantizedRows, { format, group }: MatmulWeight): { x: Value; scales?: Value } {
  const given = 'codes' in x ? x.group : 1;
  if (given !== group)
    throw new ShapeError(
      `matmul: the weight is rotated in groups of ${group}, x in groups of ${given} (1 = not rotated).`,
    );
  if (!('codes' in x)) return { x };
  if (format.dtype !== 'i8') throw new DTypeError(`matmul: rows of i8 need a weight of i8, got ${format.dtype}.`);
  requireDType('matmul', 'x', x.codes, 'i8');
  requireVector('matmul', 'scales of x', x.scales, 'f32', x.codes.shape[0]);
  return { x: x.codes, scales: x.scales };
}

function gateView(op: string, { table, column, index }: NonNullable<MatmulEpilogue['gate']>, m: number, n: number) {
  requireDType(op, 'gate', table, 'f32');
  requireShape(op, 'gate', table, [-1, -1]);
  const [tableRows, columns] = table.shape;
  if (!Number.isInteger(column) || column < 0 || column + n > columns)
    throw new ShapeError(`${op}: gate columns [${column}, ${column + n}) are outside of [${table.shape.join(', ')}].`);
  if (index) requireVector(op, 'gate index', index, 'u32', m);
  return {
    offset: table.offset + column,
    stride: table.stride ?? columns,
    tableRows,
    ...(index ? { indexed: true, rowOffset: index.offset } : {}),
  };
}

/** The kernel reads a vector from the start of its storage, except for the index, whose offset it knows. */
function requireVector(op: string, name: string, value: Value, dtype: Value['dtype'], length: number): void {
  requireDType(op, name, value, dtype);
  requireShape(op, name, value, [length]);
  if (dtype === 'f32' && value.offset !== 0)
    throw new ShapeError(`${op}: ${name} must be a whole tensor, got a window at element ${value.offset}.`);
}

/** The tensors one under the other, in the device's form. */
function pack(
  stored: readonly TensorBytes[],
  { outs, inputs, dtype }: MatmulWeightSpec,
  format: MatmulWeightFormat,
  group: number,
): Readonly<Record<string, ArrayBufferView>> {
  const parts = stored.map((tensor, i) => {
    const values = valuesFor(tensor, dtype);
    const isRotated = group > 1 && values instanceof Float32Array;
    return packMatmulWeight(isRotated ? rotatedRows(values, inputs, group) : values, outs[i], inputs, format);
  });
  if (parts.length > 1 && format.order !== 'nk')
    throw new ShapeError(`matmul: weights in order "${format.order}" cannot be fused row by row.`);
  const scales = parts.flatMap((part) => part.scales ?? []);
  return {
    weight: concatenateBytes(parts.map(({ data }) => data)),
    ...(scales.length > 0 ? { scales: concatenateBytes(scales, 4) } : {}),
  };
}

/** The bytes one after the other, padded to a multiple of `whole`. One array is returned as it is where that is its length. */
function concatenateBytes(parts: readonly ArrayBufferView[], whole = 1): ArrayBufferView {
  const byteLength = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (parts.length === 1 && byteLength % whole === 0) return parts[0];
  const all = new Uint8Array(Math.ceil(byteLength / whole) * whole);
  let at = 0;
  for (const part of parts) {
    all.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return all;
}

/** What packMatmulWeight wants for a device dtype: 16-bit codes, or f32 values. */
function valuesFor(tensor: TensorBytes, dtype: MatmulWeightDType): Float32Array | Uint16Array {
  if (dtype === 'f32' || dtype === 'i8' || dtype === 'i4') return tensor.toF32();
  const stored = tensor.dtype;
  const isHalf = stored === 'F16' || stored === 'BF16';
  const codes = isHalf ? asU16(tensor.bytes) : undefined;
  if (codes && stored === (dtype === 'f16' ? 'F16' : 'BF16')) return codes;
  if (codes && stored === 'BF16') return bf16ToF16(codes);
  if (stored.startsWith('I') || stored.startsWith('U') || stored === 'BOOL')
    throw new DTypeError(`matmul: weight "${tensor.name}" must be a float tensor, got ${stored}.`);
  return dtype === 'f16' ? f32ToF16(tensor.toF32()) : f32ToBf16(tensor.toF32());
}

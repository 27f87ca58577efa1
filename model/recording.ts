import { concatenatedWeight, vectorWeight } from '../runtime/ops/vector-weight.ts';
import { matmul, matmulWeight, type MatmulEpilogue, type MatmulWeightDType } from '../runtime/ops/matmul.ts';
import { quantizeRows } from '../runtime/ops/quantize-rows.ts';
import type { ProgramBuilder } from '../runtime/program/builder.ts';
import type { Value } from '../runtime/program/plan.ts';
import type { TensorTable } from './tensor-table.ts';
import { multipliesInt8, weightDType, type W8A8Policy, type WeightPrecision } from './weight-precision.ts';

/** What a module records into, and where its weights come from. */
export interface Recording {
  readonly builder: ProgramBuilder;
  readonly table: TensorTable;
  readonly precision: WeightPrecision;
  /** Which layers multiply in int8; absent: none. */
  readonly w8a8?: W8A8Policy;
}

/** How a linear layer's product is computed: its weight on the device, and x as it is or in codes of i8. */
export interface LinearForm {
  readonly dtype: MatmulWeightDType;
  readonly isInt8: boolean;
  /** Of int8: both operands are rotated before they are rounded. */
  readonly rotate: boolean;
}

/** The form of linear layers that start with `name` (without `.weight`). */
export function linearForm({ table, precision, w8a8 }: Recording, name: string): LinearForm {
  const isInt8 = w8a8 !== undefined && multipliesInt8(name, w8a8);
  return {
    dtype: isInt8 ? 'i8' : weightDType(table, `${name}.weight`, precision),
    isInt8,
    rotate: isInt8 && w8a8.rotate,
  };
}

/**
 * y = x W^T + b of a checkpoint's linear layer, or of several with the same input fused into one product.
 *
 * @param layers names without `.weight`, e.g. `img_in`; each weight is [out, in]
 * @param x      f32 [rows, in]
 * @returns f32 [rows, sum of outs]; with `epilogue.out` that value
 */
export function linear(
  recording: Recording,
  layers: string | readonly string[],
  x: Value,
  epilogue: MatmulEpilogue & { readonly hasBias?: boolean } = {},
): Value {
  const { builder, table } = recording;
  const names = typeof layers === 'string' ? [layers] : layers;
  const outs = names.map((name) => table.info(`${name}.weight`)?.shape[0] ?? 0);
  const { hasBias = true, ...rest } = epilogue;
  const { dtype, isInt8, rotate } = linearForm(recording, names[0]);
  const weight = matmulWeight(builder, {
    tensors: names.map((name) => `${name}.weight`),
    outs,
    inputs: x.shape[1],
    dtype,
    rotate,
  });
  const biases = names.map((name) => `${name}.bias`);
  const bias = hasBias
    ? names.length === 1
      ? vectorWeight(builder, biases[0], [outs[0]])
      : concatenatedWeight(builder, biases, outs)
    : undefined;
  const left = isInt8 ? quantizeRows(builder, { x, rotate }) : x;
  return matmul(builder, { x: left, weight, ...(bias ? { bias } : {}), ...rest });
}

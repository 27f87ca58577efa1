import { concatenatedWeight, vectorWeight } from '../runtime/ops/vector-weight.ts';
import { matmul, matmulWeight, type MatmulEpilogue } from '../runtime/ops/matmul.ts';
import type { ProgramBuilder } from '../runtime/program/builder.ts';
import type { Value } from '../runtime/program/plan.ts';
import type { TensorTable } from './tensor-table.ts';
import { weightDType, type WeightPrecision } from './weight-precision.ts';

/** What a module records into, and where its weights come from. */
export interface Recording {
  readonly builder: ProgramBuilder;
  readonly table: TensorTable;
  readonly precision: WeightPrecision;
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
  const { builder, table, precision } = recording;
  const names = typeof layers === 'string' ? [layers] : layers;
  const outs = names.map((name) => table.info(`${name}.weight`)?.shape[0] ?? 0);
  const { hasBias = true, ...rest } = epilogue;
  const weight = matmulWeight(builder, {
    tensors: names.map((name) => `${name}.weight`),
    outs,
    inputs: x.shape[1],
    dtype: weightDType(table, `${names[0]}.weight`, precision),
  });
  const biases = names.map((name) => `${name}.bias`);
  const bias = hasBias
    ? names.length === 1
      ? vectorWeight(builder, biases[0], [outs[0]])
      : concatenatedWeight(builder, biases, outs)
    : undefined;
  return matmul(builder, { x, weight, ...(bias ? { bias } : {}), ...rest });
}

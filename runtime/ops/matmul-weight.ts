import type { MatmulSpec } from '../../kernels/matmul/matmul.ts';
import { matmulWeightLayout, packMatmulWeight, type MatmulWeightDType } from '../../kernels/matmul/weight-layout.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import type { Value } from '../program/plan.ts';
import { asU16, bf16ToF16, f32ToBf16, f32ToF16 } from '../safetensors/convert.ts';
import type { TensorBytes } from '../weights/tensor-bytes.ts';

/** A weight of matmul on the device: [n, k], perhaps with scales. */
export interface MatmulWeight {
  /** The checkpoint's tensors, for messages. */
  readonly name: string;
  readonly n: number;
  readonly k: number;
  readonly view: MatmulSpec['w'];
  readonly value: Value;
  /** Of `i8`: f32 [n]. */
  readonly scales: Value | undefined;
}

/**
 * Requests a matrix weight of the checkpoint in the form that the device wants; several tensors with the same inputs
 * become one weight, their output channels one after the other (fused q|k|v).
 *
 * @param args.tensors names, each [outs[i], inputs] in the checkpoint
 * @param args.dtype   on the device: 16-bit codes are kept bit for bit where the checkpoint has the same dtype
 */
export function matmulWeight(
  builder: ProgramBuilder,
  args: { tensors: readonly string[]; outs: readonly number[]; inputs: number; dtype: MatmulWeightDType },
): MatmulWeight {
  const { tensors, outs, inputs: k, dtype } = args;
  const n = outs.reduce((sum, out) => sum + out, 0);
  const format = matmulWeightLayout(builder.facts, n, k, dtype);
  const name = tensors.join('|');
  const { weight, scales } = builder.weights({
    key: `${name}:${dtype}:${format.order}${format.stride}`,
    tensors,
    parts: {
      weight: { dtype, shape: format.shape },
      ...(dtype === 'i8' ? { scales: { dtype: 'f32' as const, shape: [n] } } : {}),
    },
    pack: (stored) => {
      const packed = packMatmulWeight(valuesOf(stored, n * k, dtype), n, k, format);
      return { weight: packed.data, ...(packed.scales ? { scales: packed.scales } : {}) };
    },
  });
  return { name, n, k, view: { dtype, order: format.order, stride: format.stride }, value: weight, scales };
}

/** The tensors' values one after the other: 16-bit codes for the 16-bit formats, f32 otherwise. */
function valuesOf(stored: readonly TensorBytes[], count: number, dtype: MatmulWeightDType): Float32Array | Uint16Array {
  const convert = (tensor: TensorBytes): Float32Array | Uint16Array =>
    dtype === 'f16' ? codesF16(tensor) : dtype === 'bf16' ? codesBf16(tensor) : tensor.toF32();
  if (stored.length === 1) return convert(stored[0]);
  const values = dtype === 'f16' || dtype === 'bf16' ? new Uint16Array(count) : new Float32Array(count);
  let at = 0;
  for (const tensor of stored) {
    const part = convert(tensor);
    values.set(part, at);
    at += part.length;
  }
  return values;
}

function codesF16(tensor: TensorBytes): Uint16Array {
  if (tensor.dtype === 'F16') return asU16(tensor.bytes);
  return tensor.dtype === 'BF16' ? bf16ToF16(asU16(tensor.bytes)) : f32ToF16(tensor.toF32());
}

function codesBf16(tensor: TensorBytes): Uint16Array {
  return tensor.dtype === 'BF16' ? asU16(tensor.bytes) : f32ToBf16(tensor.toF32());
}

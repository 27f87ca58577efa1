import type { ProgramBuilder } from '../program/builder.ts';
import type { Value } from '../program/plan.ts';
import { numElements } from '../../kernels/dtype.ts';

/**
 * A bias, a norm's weight or another small tensor of the checkpoint, widened to f32 on the device.
 *
 * @param name  tensor of the checkpoint
 * @param shape its shape there; the elements keep their order
 */
export function vectorWeight(builder: ProgramBuilder, name: string, shape: readonly number[]): Value {
  return builder.weights({
    key: `${name}:f32`,
    tensors: [name],
    parts: { weight: { dtype: 'f32', shape } },
    pack: ([tensor]) => ({ weight: tensor.toF32() }),
  }).weight;
}

/** Several vectors of the checkpoint one after the other, as one f32 vector: the bias of a fused projection. */
export function concatenatedWeight(
  builder: ProgramBuilder,
  names: readonly string[],
  lengths: readonly number[],
): Value {
  const total = numElements([lengths.reduce((sum, length) => sum + length, 0)]);
  return builder.weights({
    key: `${names.join('|')}:f32`,
    tensors: names,
    parts: { weight: { dtype: 'f32', shape: [total] } },
    pack: (tensors) => {
      const weight = new Float32Array(total);
      let at = 0;
      for (const tensor of tensors) {
        weight.set(tensor.toF32(), at);
        at += lengths[tensors.indexOf(tensor)];
      }
      return { weight };
    },
  }).weight;
}

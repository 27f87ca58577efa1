import { CheckpointError } from '../errors.ts';
import { quote } from '../io/strict-json.ts';
import { isFloatDType, toF32 } from '../safetensors/convert.ts';
import { missingTensor } from './missing-tensor.ts';
import type { TensorBytes } from './tensor-bytes.ts';
import type { WeightSource } from './weight-source.ts';
import type { TensorReader } from './weight-store.ts';

/** A weight source as the weight store reads it: whole tensors, widened only where a format needs it. */
export function tensorReader(source: WeightSource): TensorReader {
  return {
    name: source.name,
    async readTensor(name, signal): Promise<TensorBytes> {
      const info = source.info(name);
      if (info === undefined) throw missingTensor(source.name, name);
      const { dtype, shape } = info;
      const bytes = await source.readRaw(name, signal);
      return {
        name,
        dtype,
        shape,
        bytes,
        toF32() {
          if (isFloatDType(dtype)) return toF32(dtype, bytes);
          throw new CheckpointError(
            `${source.name}: tensor ${quote(name)}: ${dtype} is not read as numbers. Use another edition of the checkpoint.`,
            { rule: 'unsupported-dtype', path: source.name, tensor: name },
          );
        },
      };
    },
  };
}

import { CheckpointError } from '../errors.ts';
import { isFloatDType, toF32 } from '../safetensors/convert.ts';
import { missingTensor } from './missing-tensor.ts';
import type { TensorBytes } from './tensor-bytes.ts';
import type { WeightSource } from './weight-source.ts';
import type { TensorReader } from './weight-store.ts';

/** A weight source in the form that a WeightStore reads: raw bytes, widened to f32 only where a format asks for it. */
export function sourceReader(source: WeightSource): TensorReader {
  return {
    name: source.name,
    readTensor: async (name, signal): Promise<TensorBytes> => {
      const info = source.info(name);
      if (!info) throw missingTensor(source.name, name);
      const bytes = await source.readRaw(name, signal);
      const { dtype } = info;
      return {
        name,
        dtype,
        shape: info.shape,
        bytes,
        toF32: () => {
          if (!isFloatDType(dtype))
            throw new CheckpointError(`${source.name}: tensor "${name}" is ${dtype}, weights must be floats.`, {
              rule: 'unsupported-dtype',
              path: source.name,
              tensor: name,
            });
          return toF32(dtype, bytes);
        },
      };
    },
  };
}

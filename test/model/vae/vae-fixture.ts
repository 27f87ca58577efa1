import { parseVaeConfig, type VaeConfig } from '../../../model/config/vae-config.ts';
import { unusedVaeTensors, vaeTensors } from '../../../model/vae/tensors.ts';
import type { Planes } from '../../../model/vae/planes.ts';
import { memorySource } from '../../../runtime/io/byte-source.ts';
import { openSafetensors } from '../../../runtime/safetensors/reader.ts';
import { encodeSafetensors, type TensorToWrite } from '../../../runtime/safetensors/writer.ts';
import type { WeightSource } from '../../../runtime/weights/weight-source.ts';
import { seededRandom } from '../../support/random.ts';
import type { OracleWeights } from './vae-oracle.ts';

/** A small configuration; fields as in config.json. */
export function vaeConfig(fields: Readonly<Record<string, unknown>> = {}): VaeConfig {
  const zDim = (fields.z_dim as number | undefined) ?? 4;
  return parseVaeConfig(
    JSON.stringify({
      base_dim: 4,
      z_dim: zDim,
      dim_mult: [1, 2],
      num_res_blocks: 1,
      temperal_downsample: [true],
      latents_mean: Array.from({ length: zDim }, (_, i) => 0.3 - 0.2 * i),
      latents_std: Array.from({ length: zDim }, (_, i) => 0.5 + 0.25 * i),
      ...fields,
    }),
  );
}

/** Random weights of a configuration, as a source and for the oracle: f32 values of about unit gain. */
export async function randomVae(
  config: VaeConfig,
  seed: number,
  rename: (name: string) => string = (name) => name,
): Promise<{ source: WeightSource; weights: OracleWeights }> {
  const random = seededRandom(seed);
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, shape] of [...vaeTensors(config), ...unusedVaeTensors(config)]) {
    const count = shape.reduce((product, size) => product * size, 1);
    const fanIn = name.endsWith('.weight') ? (count / shape[0]) * (shape.length === 5 ? 1 / shape[2] : 1) : 1;
    const spread = name.endsWith('.gamma') ? 1.5 : name.endsWith('.bias') ? 0.1 : 1.5 / Math.sqrt(fanIn);
    const low = name.endsWith('.gamma') ? 0.5 : -spread;
    weights.set(name, { shape, data: Float32Array.from({ length: count }, () => random.uniform(low, spread)) });
  }
  const tensors = [...weights].map(([name, { shape, data }]): TensorToWrite => ({
    name: rename(name),
    dtype: 'F32',
    shape,
    data,
  }));
  const source = await openSafetensors(memorySource(encodeSafetensors(tensors), 'memory/vae.safetensors'));
  return { source, weights };
}

/** A random picture in [-1, 1). */
export function randomPlanes(seed: number, channels: number, height: number, width: number): Planes {
  const random = seededRandom(seed);
  const data = Float32Array.from({ length: channels * height * width }, () => random.uniform(-1, 1));
  return { channels, height, width, data };
}

/** sum (a - e)^2 / sum e^2. */
export function nmse(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return error / norm;
}

import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { count, gib } from './format.ts';

/** What a weight file or set of shards holds. */
export interface WeightsDescription {
  readonly name: string;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly byteLength: number;
  }[];
  readonly parameters: number;
  readonly byteLength: number;
  readonly dtypes: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads headers only. */
export function describeWeights(source: WeightSource): WeightsDescription {
  const tensors = [...source.names()].flatMap((name) => {
    const info = source.info(name);
    return info ? [{ name, dtype: info.dtype as string, shape: info.shape, byteLength: info.byteLength }] : [];
  });
  const dtypes: Record<string, number> = {};
  for (const { dtype } of tensors) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
  return {
    name: source.name,
    tensors,
    parameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
    byteLength: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    dtypes,
    metadata: Object.fromEntries(source.metadata),
  };
}

/** One line about a set of weights. */
export function weightsLine(description: WeightsDescription): string {
  const dtypes = Object.entries(description.dtypes).map(([dtype, number]) => `${number} ${dtype}`);
  return `${count(description.tensors.length)} tensors (${dtypes.join(', ')}), ${count(description.parameters)} parameters, ${gib(description.byteLength)}`;
}

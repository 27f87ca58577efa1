import { CheckpointError } from '../errors.ts';
import { quote } from '../io/strict-json.ts';
import { missingTensor } from './missing-tensor.ts';
import type { WeightSource } from './weight-source.ts';

/** The prefix that single-file checkpoints of other programs may put before every transformer tensor. */
export const DIFFUSION_MODEL_PREFIX = 'model.diffusion_model.';

/**
 * The same tensors under names without `prefix`. Tensors that lack it keep their names.
 * @throws CheckpointError `tensor-twice` where two tensors get one name.
 */
export function stripPrefix(source: WeightSource, prefix: string): WeightSource {
  const stored = new Map<string, string>();
  for (const name of source.names()) {
    const short = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    if (stored.has(short))
      throw new CheckpointError(
        `${source.name}: without the prefix ${quote(prefix)} two tensors are called ${quote(short)}. ` +
          'Open the file without stripping.',
        { rule: 'tensor-twice', path: source.name, tensor: short },
      );
    stored.set(short, name);
  }
  const find = (name: string): string => {
    const original = stored.get(name);
    if (original === undefined) throw missingTensor(source.name, name);
    return original;
  };
  return {
    name: source.name,
    metadata: source.metadata,
    names: () => stored.keys(),
    info(name) {
      const original = stored.get(name);
      return original === undefined ? undefined : source.info(original);
    },
    readRaw: async (name, signal) => source.readRaw(find(name), signal),
    readRange: async (name, begin, end, signal) => source.readRange(find(name), begin, end, signal),
    readF32: async (name, signal) => source.readF32(find(name), signal),
    close: () => source.close(),
  };
}

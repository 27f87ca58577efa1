import { CheckpointError } from '../../runtime/errors.ts';
import { missingTensor } from '../../runtime/weights/missing-tensor.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import type { VaeConfig } from '../config/vae-config.ts';

const RESIDUAL_PARTS: Readonly<Record<string, string>> = {
  'residual.0': 'norm1',
  'residual.2': 'conv1',
  'residual.3': 'norm2',
  'residual.6': 'conv2',
  shortcut: 'conv_shortcut',
};

const MIDDLE: Readonly<Record<string, string>> = {
  '0': 'mid_block.resnets.0',
  '1': 'mid_block.attentions.0',
  '2': 'mid_block.resnets.1',
};

/** True if a checkpoint uses the names of the WAN release (as ComfyUI's single files do) instead of diffusers'. */
export function hasWanNames(table: { info(name: string): unknown }): boolean {
  return table.info('encoder.conv1.weight') !== undefined && table.info('encoder.conv_in.weight') === undefined;
}

/**
 * diffusers' name of a tensor of the WAN release: `decoder.upsamples.3.resample.1.weight` is
 * `decoder.up_blocks.0.upsamplers.0.resample.1.weight`. Names of neither release come back unchanged.
 */
export function diffusersName(name: string, config: VaeConfig): string {
  const top = /^conv([12])\.(.+)$/.exec(name);
  if (top) return `${top[1] === '1' ? 'quant_conv' : 'post_quant_conv'}.${top[2]}`;
  const half = /^(encoder|decoder)\.(.+)$/.exec(name);
  if (!half) return name;
  const [, side, rest] = half;
  const simple = /^(conv1|head\.0|head\.2)\.(.+)$/.exec(rest);
  if (simple) {
    const renamed = simple[1] === 'conv1' ? 'conv_in' : simple[1] === 'head.0' ? 'norm_out' : 'conv_out';
    return `${side}.${renamed}.${simple[2]}`;
  }
  const middle = /^middle\.([012])\.(.+)$/.exec(rest);
  if (middle) return `${side}.${MIDDLE[middle[1]]}.${blockPart(middle[2])}`;
  const block = /^(downsamples|upsamples)\.(\d{1,4})\.(.+)$/.exec(rest);
  if (!block) return name;
  const index = Number(block[2]);
  if (block[1] === 'downsamples') return `${side}.down_blocks.${index}.${blockPart(block[3])}`;
  // A level is numResBlocks + 1 residual blocks and, but for the last level, an upsampler.
  const perLevel = config.numResBlocks + 2;
  const level = Math.floor(index / perLevel);
  const within = index % perLevel;
  const place = within === perLevel - 1 ? 'upsamplers.0' : `resnets.${within}`;
  return `${side}.up_blocks.${level}.${place}.${blockPart(block[3])}`;
}

function blockPart(part: string): string {
  for (const [wan, diffusers] of Object.entries(RESIDUAL_PARTS))
    if (part.startsWith(`${wan}.`)) return diffusers + part.slice(wan.length);
  return part; // attention's and the resamplers' parts have the same names in both releases
}

/**
 * The same tensors under diffusers' names.
 *
 * @throws CheckpointError `tensor-twice` if two tensors would get one name
 */
export function withDiffusersNames(source: WeightSource, config: VaeConfig): WeightSource {
  const stored = new Map<string, string>();
  for (const name of source.names()) {
    const renamed = diffusersName(name, config);
    if (stored.has(renamed))
      throw new CheckpointError(
        `${source.name}: tensors "${stored.get(renamed)}" and "${name}" are both "${renamed}". Mixed naming schemes are not read.`,
        { rule: 'tensor-twice', path: source.name, tensor: renamed },
      );
    stored.set(renamed, name);
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
    info: (name) => {
      const original = stored.get(name);
      return original === undefined ? undefined : source.info(original);
    },
    readRaw: async (name, signal) => source.readRaw(find(name), signal),
    readRange: async (name, begin, end, signal) => source.readRange(find(name), begin, end, signal),
    readF32: async (name, signal) => source.readF32(find(name), signal),
    close: () => source.close(),
  };
}

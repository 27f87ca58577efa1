import type { VaeConfig } from '../../../model/config/vae-config.ts';

/** WAN's name of a tensor with diffusers' name: the inverse of the engine's mapping, written from the table on its own. */
export function wanName(name: string, config: VaeConfig): string {
  const parts = name.split('.');
  if (parts[0] === 'quant_conv') return ['conv1', ...parts.slice(1)].join('.');
  if (parts[0] === 'post_quant_conv') return ['conv2', ...parts.slice(1)].join('.');
  const [side, group, ...rest] = parts;
  const inner = (tail: string[]): string =>
    tail
      .join('.')
      .replace(/^norm1\./, 'residual.0.')
      .replace(/^conv1\./, 'residual.2.')
      .replace(/^norm2\./, 'residual.3.')
      .replace(/^conv2\./, 'residual.6.')
      .replace(/^conv_shortcut\./, 'shortcut.');
  switch (group) {
    case 'conv_in':
      return [side, 'conv1', ...rest].join('.');
    case 'norm_out':
      return [side, 'head.0', ...rest].join('.');
    case 'conv_out':
      return [side, 'head.2', ...rest].join('.');
    case 'mid_block':
      return `${side}.middle.${rest[0] === 'attentions' ? 1 : 2 * Number(rest[1])}.${inner(rest.slice(2))}`;
    case 'down_blocks':
      return `${side}.downsamples.${rest[0]}.${inner(rest.slice(1))}`;
    case 'up_blocks': {
      const perLevel = config.numResBlocks + 2;
      const within = rest[1] === 'upsamplers' ? perLevel - 1 : Number(rest[2]);
      return `${side}.upsamples.${Number(rest[0]) * perLevel + within}.${inner(rest.slice(3))}`;
    }
    default:
      return name;
  }
}

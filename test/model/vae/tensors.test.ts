import { describe, expect, it } from 'vitest';
import { parseVaeConfig } from '../../../model/config/vae-config.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import { requireVaeTensors, unusedVaeTensors, vaeTensors, withStoredChannels } from '../../../model/vae/tensors.ts';
import { diffusersName, hasWanNames } from '../../../model/vae/wan-names.ts';
import { wanName } from './wan-name.ts';

const PUBLISHED = parseVaeConfig('{}');
const count = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);

describe('tensors of the published VAE', () => {
  it('are the 194 tensors and 126,892,531 parameters of the release', () => {
    const all = new Map([...vaeTensors(PUBLISHED), ...unusedVaeTensors(PUBLISHED)]);
    expect(all.size).toBe(194);
    expect(count(all)).toBe(126_892_531);
    const rgba = parseVaeConfig('{"input_channels": 4}');
    expect(count(new Map([...vaeTensors(rgba), ...unusedVaeTensors(rgba)]))).toBe(126_897_716);
  });

  it('have the names and shapes of the release', () => {
    const shapes = vaeTensors(PUBLISHED);
    expect(shapes.get('encoder.conv_in.weight')).toEqual([96, 3, 3, 3, 3]);
    expect(shapes.get('encoder.down_blocks.3.conv_shortcut.weight')).toEqual([192, 96, 1, 1, 1]);
    expect(shapes.get('encoder.down_blocks.8.resample.1.weight')).toEqual([384, 384, 3, 3]);
    expect(shapes.get('encoder.conv_out.bias')).toEqual([32]);
    expect(shapes.get('decoder.mid_block.attentions.0.to_qkv.weight')).toEqual([1152, 384, 1, 1]);
    expect(shapes.get('decoder.mid_block.attentions.0.norm.gamma')).toEqual([384, 1, 1]);
    expect(shapes.get('decoder.up_blocks.1.resnets.0.conv_shortcut.weight')).toEqual([384, 192, 1, 1, 1]);
    expect(shapes.get('decoder.up_blocks.2.upsamplers.0.resample.1.weight')).toEqual([96, 192, 3, 3]);
    expect(unusedVaeTensors(PUBLISHED).get('decoder.up_blocks.0.upsamplers.0.time_conv.weight')).toEqual([
      768, 384, 3, 1, 1,
    ]);
    expect([...shapes.keys()].some((name) => name.includes('time_conv'))).toBe(false);
  });
});

describe('strict loading', () => {
  const table = (change: (shapes: Map<string, readonly number[]>) => void) => {
    const shapes = new Map([...vaeTensors(PUBLISHED), ...unusedVaeTensors(PUBLISHED)]);
    change(shapes);
    return syntheticTable('vae.safetensors', shapes, 'BF16');
  };

  it('takes a checkpoint with or without the temporal convolutions', () => {
    expect(() =>
      requireVaeTensors(
        PUBLISHED,
        table(() => {}),
      ),
    ).not.toThrow();
    const without = table((shapes) => {
      for (const name of unusedVaeTensors(PUBLISHED).keys()) shapes.delete(name);
    });
    expect(() => requireVaeTensors(PUBLISHED, without)).not.toThrow();
  });

  it('names what is missing, misshapen and unexpected', () => {
    const broken = table((shapes) => {
      shapes.delete('quant_conv.bias');
      shapes.set('decoder.conv_out.weight', [3, 96, 3, 3]);
      shapes.set('decoder.conv_extra.weight', [1]);
    });
    expect(() => requireVaeTensors(PUBLISHED, broken)).toThrow(
      'vae: vae.safetensors does not fit: 1 missing: "quant_conv.bias"; 1 misshapen: "decoder.conv_out.weight" is [3, 96, 3, 3], must be [3, 96, 3, 3, 3]; 1 unexpected: "decoder.conv_extra.weight". Loading is strict.',
    );
  });

  it('takes the channels from the checkpoint where config.json does not say', () => {
    const rgba = parseVaeConfig('{"input_channels": 4}');
    const stored = syntheticTable('vae.safetensors', vaeTensors(rgba), 'BF16');
    expect(withStoredChannels(PUBLISHED, stored).inputChannels).toBe(4);
    const five = table((shapes) => shapes.set('encoder.conv_in.weight', [96, 5, 3, 3, 3]));
    expect(() => requireVaeTensors(withStoredChannels(PUBLISHED, five), five)).toThrow('[96, 5, 3, 3, 3]');
  });
});

describe('WAN names', () => {
  it("are told from diffusers' by their first convolution", () => {
    const names = (shapes: Iterable<string>) => {
      const set = new Set(shapes);
      return { info: (name: string) => (set.has(name) ? {} : undefined) };
    };
    expect(hasWanNames(names(vaeTensors(PUBLISHED).keys()))).toBe(false);
    expect(hasWanNames(names([...vaeTensors(PUBLISHED).keys()].map((name) => wanName(name, PUBLISHED))))).toBe(true);
  });

  it('go back and forth for every tensor', () => {
    for (const name of [...vaeTensors(PUBLISHED).keys(), ...unusedVaeTensors(PUBLISHED).keys()])
      expect(diffusersName(wanName(name, PUBLISHED), PUBLISHED)).toBe(name);
  });

  it.each([
    ['conv1.weight', 'quant_conv.weight'],
    ['conv2.bias', 'post_quant_conv.bias'],
    ['encoder.conv1.weight', 'encoder.conv_in.weight'],
    ['encoder.downsamples.0.residual.0.gamma', 'encoder.down_blocks.0.norm1.gamma'],
    ['encoder.downsamples.3.shortcut.weight', 'encoder.down_blocks.3.conv_shortcut.weight'],
    ['encoder.downsamples.5.time_conv.weight', 'encoder.down_blocks.5.time_conv.weight'],
    ['encoder.middle.1.to_qkv.bias', 'encoder.mid_block.attentions.0.to_qkv.bias'],
    ['decoder.middle.2.residual.6.weight', 'decoder.mid_block.resnets.1.conv2.weight'],
    ['decoder.upsamples.3.resample.1.weight', 'decoder.up_blocks.0.upsamplers.0.resample.1.weight'],
    ['decoder.upsamples.4.shortcut.bias', 'decoder.up_blocks.1.resnets.0.conv_shortcut.bias'],
    ['decoder.upsamples.14.residual.3.gamma', 'decoder.up_blocks.3.resnets.2.norm2.gamma'],
    ['decoder.head.0.gamma', 'decoder.norm_out.gamma'],
    ['decoder.head.2.weight', 'decoder.conv_out.weight'],
    ['something.else', 'something.else'],
  ])('%s is %s', (wan, diffusers) => {
    expect(diffusersName(wan, PUBLISHED)).toBe(diffusers);
  });
});

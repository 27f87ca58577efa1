import { describe, expect, it } from 'vitest';
import { layerKey, layerNoise, layerNoiseWords } from '../../../model/noise/layer-noise.ts';
import { philox4x32 } from '../../../model/noise/philox.ts';
import { UsageError } from '../../../runtime/errors.ts';

const region = { gx0: -3, gy0: 2, gw: 8, gh: 8 };

describe('philox4x32', () => {
  // Known answers that Random123 publishes for philox4x32_10.
  it.each([
    ['zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    ['ones', [-1, -1, -1, -1], [-1, -1], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      'pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('%s', (_, [c0, c1, c2, c3], [k0, k1], expected) => {
    const out = new Uint32Array(6).fill(7);
    philox4x32(out, 1, c0, c1, c2, c3, k0, k1);
    expect([...out]).toEqual([7, ...expected, 7]);
  });
});

describe('layerNoise', () => {
  it('keys layers by FNV-1a of their UTF-8 id', () => {
    expect(layerKey('')).toBe(0x811c9dc5);
    expect(layerKey('a')).toBe(0xe40c292c);
    expect(layerKey('foobar')).toBe(0xbf9cf968);
    expect(layerKey(null)).toBe(layerKey('\0composed'));
  });

  it('changes with every part of the address', () => {
    const base = { seed: 5n, stream: 0, layerId: 'a', region };
    const words = layerNoiseWords(base);
    const others = [
      { ...base, seed: 6n },
      { ...base, seed: 5n + (1n << 32n) },
      { ...base, stream: 1 },
      { ...base, layerId: 'b' },
      { ...base, region: { ...region, gx0: 5 } },
      { ...base, region: { ...region, gy0: -20 } },
    ];
    for (const other of others) {
      const same = layerNoiseWords(other).filter((word, i) => word === words[i]).length;
      expect(same).toBeLessThan(3);
    }
    expect(layerNoiseWords({ ...base, seed: 5 })).toEqual(words);
  });

  it('is normal: mean 0, variance 1, no correlation of neighbours, within 5.77', () => {
    const noise = layerNoise({ seed: 11, layerId: null, region: { gx0: 0, gy0: 0, gw: 32, gh: 32 } });
    const count = noise.length;
    let sum = 0;
    let squares = 0;
    let fourth = 0;
    let neighbours = 0;
    let largest = 0;
    for (const [i, value] of noise.entries()) {
      sum += value;
      squares += value * value;
      fourth += value ** 4;
      neighbours += value * noise[(i + 1) % count]!;
      largest = Math.max(largest, Math.abs(value));
    }
    const tolerance = 5 / Math.sqrt(count);
    expect(Math.abs(sum / count)).toBeLessThan(tolerance);
    expect(Math.abs(squares / count - 1)).toBeLessThan(Math.SQRT2 * tolerance);
    expect(Math.abs(fourth / count - 3)).toBeLessThan(10 * tolerance);
    expect(Math.abs(neighbours / count)).toBeLessThan(tolerance);
    expect(largest).toBeLessThanOrEqual(5.77);
  });

  it('refuses seeds it cannot know exactly, and streams and channels out of range', () => {
    for (const seed of [-1, 1.5, 2 ** 53, Number.NaN, -1n, 1n << 64n]) {
      expect(() => layerNoise({ seed, layerId: 'a', region })).toThrow(UsageError);
    }
    expect(layerNoise({ seed: (1n << 64n) - 1n, layerId: 'a', region }).length).toBe(16 * 16 * 16);
    expect(() => layerNoise({ seed: 1, layerId: 'a', region, stream: 1 << 24 })).toThrow(
      'layer_noise: stream must be an integer from 0 to 16777215, got 16777216.',
    );
    expect(() => layerNoise({ seed: 1, layerId: 'a', region, channels: 6 })).toThrow(UsageError);
    expect(layerNoise({ seed: 1, layerId: 'a', region, channels: 8 })).toEqual(
      layerNoise({ seed: 1, layerId: 'a', region }).subarray(0, 8 * 16 * 16),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { DEFAULT_MANIFEST } from '../../../model/manifest/manifest-defaults.ts';
import { blank, type Planes } from '../../../model/vae/planes.ts';
import { decodeRegion, encodeRegion, sheetOf, type RegionVae } from '../../../model/vae/region-codec.ts';
import { vaeConfig } from './vae-fixture.ts';

const REGION = { gx0: -1, gy0: 0, gw: 2, gh: 1 };
const CANVAS = { gx0: -2, gy0: -1, gw: 5, gh: 3 };

/**
 * A stand-in that shows what it was given: latent channel c is input channel c at the corner of each 8 x 8 square;
 * decoding repeats latent channels 0..3.
 */
function standIn(inputChannels: 3 | 4, seen: Planes[] = []): RegionVae {
  return {
    config: vaeConfig({ input_channels: inputChannels, z_dim: 4 }),
    scale: 8,
    encode: async (pixels) => {
      seen.push(pixels);
      const latents = blank(4, pixels.height / 8, pixels.width / 8);
      for (let c = 0; c < inputChannels; c++)
        for (let y = 0; y < latents.height; y++)
          for (let x = 0; x < latents.width; x++)
            latents.data[(c * latents.height + y) * latents.width + x] =
              pixels.data[(c * pixels.height + 8 * y) * pixels.width + 8 * x];
      return { planes: latents, kept: new Map() };
    },
    decode: async (latents) => {
      seen.push(latents);
      const pixels = blank(4, latents.height * 8, latents.width * 8);
      for (let i = 0; i < pixels.data.length; i++) {
        const x = i % pixels.width;
        const y = Math.floor(i / pixels.width) % pixels.height;
        const c = Math.floor(i / pixels.width / pixels.height);
        pixels.data[i] = latents.data[(c * latents.height + (y >> 3)) * latents.width + (x >> 3)];
      }
      return { planes: pixels, kept: new Map() };
    },
  };
}

const manifest = (fields: Partial<typeof DEFAULT_MANIFEST>) => ({ ...DEFAULT_MANIFEST, ...fields });

describe('sheetOf', () => {
  it('is the region, the region with a margin beyond the canvas too, or the canvas', () => {
    const place = { region: REGION, canvas: CANVAS };
    expect(sheetOf(place, 'box', 3)).toEqual(REGION);
    expect(sheetOf(place, 'box+margin', 2)).toEqual({ gx0: -3, gy0: -2, gw: 6, gh: 5 });
    expect(sheetOf(place, 'canvas', 2)).toEqual(CANVAS);
  });
});

describe('encodeRegion', () => {
  // An opaque picture of 20 x 16 px at x = -20: 4 px of it stick out of the region, which begins at -16.
  const box = [-20, 0, 0, 16] as const;
  const pixels = Float32Array.from({ length: 20 * 16 * 4 }, (_, i) => [1, 0.5, 0.25, 0.5][i % 4]);
  const input = { pixels, box, region: REGION, canvas: CANVAS };

  it.each([
    ['rgba-premul', 4, [0, -0.5, -0.75, 0], [-1, -1, -1, -1]],
    ['rgba-straight', 4, [1, 0, -0.5, 0], [-1, -1, -1, -1]],
    ['rgb-gray', 3, [0.5, 0, -0.25], [0, 0, 0]],
  ] as const)('makes %s of straight pixels', async (latentInput, channels, inside, outside) => {
    const seen: Planes[] = [];
    const latents = await encodeRegion(
      standIn(channels, seen),
      manifest({ latentInput, encodeMode: 'box+margin', encodeMarginTokens: 1 }),
      input,
    );
    const [sheet] = seen;
    expect([sheet.channels, sheet.height, sheet.width]).toEqual([channels, 48, 64]);
    const at = (x: number, y: number) =>
      Array.from({ length: channels }, (_, c) => sheet.data[(c * 48 + y) * 64 + x] + 0); // -0 is 0
    // The sheet begins at (-32, -16) px: the region at (16, 16) of it, the picture's end at 32.
    expect(at(15, 20)).toEqual(outside);
    expect(at(16, 16)).toEqual(inside);
    expect(at(31, 31)).toEqual(inside);
    expect(at(32, 20)).toEqual(outside);
    expect(at(20, 15)).toEqual(outside);
    expect(latents.length).toBe(4 * 2 * 4);
    expect([...latents.subarray(0, 4)].map((value) => value + 0)).toEqual([
      inside[0],
      inside[0],
      outside[0],
      outside[0],
    ]);
  });

  it('refuses pictures and VAEs that do not fit', async () => {
    await expect(encodeRegion(standIn(4), DEFAULT_MANIFEST, { ...input, box: [0, 0, 4, 4] })).rejects.toThrow(
      'mrt_encode: pixels must be [4, 4, 4] for box [0, 0, 4, 4], got 1280 values. Resize the picture to its box.',
    );
    await expect(encodeRegion(standIn(3), DEFAULT_MANIFEST, input)).rejects.toThrow(
      'mrt_encode: latentInput "rgba-premul" needs a VAE with 4 channels, got 3.',
    );
  });
});

describe('decodeRegion', () => {
  const latents = Float32Array.from({ length: 4 * 2 * 4 }, (_, i) => i / 16 - 1);
  const input = { latents, region: REGION, canvas: CANVAS };
  const decoded = async (fields: Partial<typeof DEFAULT_MANIFEST>, vae = standIn(4)) =>
    decodeRegion(vae, manifest({ decodeMarginTokens: 1, decodeMode: 'box+margin', ...fields }), input);

  it.each([
    ['transparent', [7, 8, 9, 10]],
    ['zero', [0, 0, 0, 0]],
    ['edge', [-1, -0.5, 0, 0.5]],
  ] as const)('fills the margin: %s', async (decodeFill, corner) => {
    const seen: Planes[] = [];
    const { decoded: own } = await decoded({ decodeFill, transparentLatent: [7, 8, 9, 10] }, standIn(4, seen));
    const [sheet] = seen;
    expect([sheet.height, sheet.width]).toEqual([6, 8]);
    expect([0, 1, 2, 3].map((c) => sheet.data[c * 48])).toEqual(corner);
    expect([...sheet.data.subarray(2 * 8 + 2, 2 * 8 + 6)]).toEqual([...latents.subarray(0, 4)]);
    expect([own.height, own.width]).toEqual([16, 32]);
    expect(own.data[0]).toBe(latents[0]);
  });

  it('asks for transparentLatent where it is needed, and only there', async () => {
    const fields = { decodeFill: 'transparent', transparentLatent: null } as const;
    await expect(decoded(fields)).rejects.toThrow(
      'mrt_decode: transparentLatent must be 4 numbers for decodeFill "transparent", got none.',
    );
    await expect(decoded({ ...fields, decodeMode: 'box' })).resolves.toBeDefined();
  });

  it('snaps alpha and divides premultiplied colours by it', async () => {
    const one = (values: readonly number[]) => {
      const data = new Float32Array(4 * 4);
      values.forEach((value, c) => data.fill(2 * value - 1, 4 * c, 4 * c + 4));
      return { latents: data, region: { gx0: 0, gy0: 0, gw: 1, gh: 1 }, canvas: CANVAS };
    };
    const pixel = async (values: readonly number[], fields: Partial<typeof DEFAULT_MANIFEST>) => {
      const { rgba } = await decodeRegion(standIn(4), manifest({ decodeMode: 'box', ...fields }), one(values));
      return [...rgba.subarray(0, 4)].map((value) => Math.round(value * 1e4) / 1e4);
    };
    const alpha = { low: 0.1, high: 0.9 };
    expect(await pixel([0.2, 0.3, 0.6, 0.5], { alpha, decoderOutput: 'rgba-premul' })).toEqual([0.4, 0.6, 1, 0.5]);
    expect(await pixel([0.2, 0.3, 0.6, 0.5], { alpha, decoderOutput: 'rgba-straight' })).toEqual([0.2, 0.3, 0.6, 0.5]);
    expect(await pixel([0.2, 0.3, 0.6, 0.05], { alpha, decoderOutput: 'rgba-straight' })).toEqual([0, 0, 0, 0]);
    expect(await pixel([0.2, 0.3, 0.6, 0.95], { alpha, decoderOutput: 'rgba-premul' })).toEqual([0.2, 0.3, 0.6, 1]);
  });

  it('refuses latents that do not fill the region', async () => {
    await expect(
      decodeRegion(standIn(4), DEFAULT_MANIFEST, { ...input, latents: latents.subarray(1) }),
    ).rejects.toThrow('mrt_decode: latents must be [4, 2, 4], got 31 values.');
  });
});

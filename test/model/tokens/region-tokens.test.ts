import { describe, expect, it } from 'vitest';
import { packLatents, unpackLatents } from '../../../model/tokens/pack.ts';
import { planEdit } from '../../../model/tokens/plan-images.ts';
import {
  joinTokens,
  numTokensOf,
  packRegion,
  packRegions,
  predictedTokens,
  regionLatents,
  unpackRegion,
} from '../../../model/tokens/region-tokens.ts';
import { rotationTable, textPositions } from '../../../model/tokens/rotation-table.ts';
import { ShapeError } from '../../../runtime/errors.ts';

const counting = (length: number, from = 0): Float32Array => Float32Array.from({ length }, (_, i) => i + from);

describe('packLatents', () => {
  it('puts value (c, y, x) at token (y/2, x/2), channel c*4 + dy*2 + dx', () => {
    const shape = { batch: 2, frames: 2, channels: 3, height: 4, width: 6 };
    const latents = counting(2 * 2 * 3 * 4 * 6);
    const packed = packLatents(latents, shape);
    const at = (b: number, f: number, c: number, y: number, x: number) =>
      latents[(((b * 2 + f) * 3 + c) * 4 + y) * 6 + x];
    for (const [b, f, c, y, x] of [
      [0, 0, 0, 0, 0],
      [1, 0, 2, 3, 5],
      [0, 1, 1, 2, 3],
      [1, 1, 2, 1, 4],
    ] as const) {
      const token = ((b * 2 + f) * 2 + (y >> 1)) * 3 + (x >> 1);
      expect(packed[token * 12 + c * 4 + (y & 1) * 2 + (x & 1)]).toBe(at(b, f, c, y, x));
    }
    expect(unpackLatents(packed, shape)).toEqual(latents);
    expect(packed).not.toEqual(latents);
  });

  it('names odd sides and wrong lengths', () => {
    const shape = { batch: 1, frames: 1, channels: 1, height: 3, width: 2 };
    expect(() => packLatents(counting(6), shape)).toThrow(
      'pack_latents: latent sides must be even, got [1, 1, 1, 3, 2].',
    );
    expect(() => unpackLatents(counting(6), { ...shape, height: 4 })).toThrow(ShapeError);
  });
});

describe('tokens of regions', () => {
  const plan = planEdit({
    target: { gh: 2, gw: 1 },
    references: [
      { gh: 1, gw: 2 },
      { gh: 1, gw: 1 },
    ],
  });

  it('packs and unpacks a region', () => {
    const latents = counting(16 * 4 * 2);
    expect(unpackRegion(packRegion(latents, { gh: 2, gw: 1 }), { gh: 2, gw: 1 })).toEqual(latents);
    expect(() => packRegion(counting(7), { gh: 1, gw: 1 })).toThrow(ShapeError);
  });

  it('joins noise and given tokens in sequence order and takes them apart again', () => {
    const noise = packRegions(plan, 'noise', 2, ({ length }) => counting(length * 8, 100));
    const given = packRegions(plan, 'given', 2, ({ length }, index) => counting(length * 8, 1000 * index));
    expect([numTokensOf(plan, 'all'), numTokensOf(plan, 'noise'), numTokensOf(plan, 'given')]).toEqual([5, 2, 3]);
    const all = joinTokens(plan, noise, given, 8);
    expect(all.length).toBe(40);
    expect(predictedTokens(plan, all)).toEqual(noise);
    expect(regionLatents(plan, all, 0, 'all')).toEqual(counting(16, 100));
    expect(regionLatents(plan, all, 2, 'all')).toEqual(counting(8, 2000));
    expect(regionLatents(plan, given, 1, 'given')).toEqual(counting(16, 1000));
    expect(regionLatents(plan, noise, 0)).toEqual(counting(16, 100));
  });

  it('names buffers of another plan', () => {
    expect(() => joinTokens(plan, counting(8), counting(24), 8)).toThrow(ShapeError);
    expect(() => regionLatents(plan, counting(16), 1)).toThrow(
      'region_latents: region 1 must be among the noise tokens of the plan',
    );
    expect(() => packRegions(plan, 'noise', 2, () => counting(3))).toThrow(ShapeError);
    expect(() => predictedTokens(plan, counting(7))).toThrow(ShapeError);
  });
});

describe('rotationTable', () => {
  it('has columns frame | height | width with angle position * theta^(-2k/m)', () => {
    const { cos, sin, numAngles } = rotationTable(Int32Array.of(3, -2, 0, 1, 5, -7), [2, 4, 4], 100);
    expect(numAngles).toBe(5);
    const angles = [3, -2, -0.2, 0, 0, 1, 5, 0.5, -7, -0.7];
    for (const [i, angle] of angles.entries()) {
      expect(cos[i]).toBeCloseTo(Math.cos(angle), 6);
      expect(sin[i]).toBeCloseTo(Math.sin(angle), 6);
    }
  });

  it('gives text the same position on all axes', () => {
    expect([...textPositions(7, 2)]).toEqual([7, 7, 7, 8, 8, 8]);
    expect(textPositions(-3, 0).length).toBe(0);
  });

  it('refuses odd axes and ragged positions', () => {
    expect(() => rotationTable(new Int32Array(3), [2, 3, 4], 1)).toThrow(ShapeError);
    expect(() => rotationTable(new Int32Array(4), [2, 2, 2], 1)).toThrow(ShapeError);
  });
});

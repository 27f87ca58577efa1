import { describe, expect, it } from 'vitest';
import type { Planes } from '../../../model/vae/planes.ts';
import { checkTiling, decodeTiles, DEFAULT_TILING, encodeTiles, runTiles } from '../../../model/vae/tiling.ts';
import { randomPlanes } from './vae-fixture.ts';

const TILING = { minHeight: 32, minWidth: 48, strideHeight: 16, strideWidth: 24 };

describe('when and where to tile', () => {
  it('tiles what exceeds a tile on one side', () => {
    expect(encodeTiles(TILING, 8, 32, 48)).toBeUndefined();
    expect(encodeTiles(TILING, 8, 33, 8)).toBeDefined();
    expect(decodeTiles(TILING, 8, 4, 6)).toBeUndefined();
    expect(decodeTiles(TILING, 8, 4, 7)).toBeDefined();
  });

  it('divides lengths by the scale on the latent side', () => {
    expect(encodeTiles(TILING, 8, 80, 96)).toEqual({
      tile: [32, 48],
      step: [16, 24],
      blend: [2, 3],
      keep: [2, 3],
      size: [10, 12],
    });
    expect(decodeTiles(DEFAULT_TILING, 8, 64, 40)).toEqual({
      tile: [32, 32],
      step: [24, 24],
      blend: [64, 64],
      keep: [192, 192],
      size: [512, 320],
    });
  });

  it('refuses sizes that make no sense', () => {
    expect(() => checkTiling({ ...TILING, strideWidth: 4 }, 8)).toThrow(
      'vae: tiling.strideWidth must be a whole number of at least 8 pixels, got 4.',
    );
    expect(() => checkTiling({ ...TILING, strideHeight: 40 }, 8)).toThrow(
      'vae: tiling strides must not exceed the tile, got 40x24 of 32x48.',
    );
  });
});

describe('runTiles', () => {
  const geometry = {
    tile: [4, 4],
    step: [3, 3],
    blend: [1, 1],
    keep: [3, 3],
    size: [7, 8],
  } as const;

  it('gives back the picture where a tile comes back as it was', async () => {
    const picture = randomPlanes(1, 2, 7, 8);
    const joined = await runTiles(picture, geometry, async (tile) => ({ ...tile, data: tile.data.slice() }));
    expect([joined.channels, joined.height, joined.width]).toEqual([2, 7, 8]);
    for (let i = 0; i < picture.data.length; i++) expect(joined.data[i]).toBeCloseTo(picture.data[i], 6);
  });

  it('cuts tiles at the border and starts one at every stride', async () => {
    const sizes: string[] = [];
    await runTiles(randomPlanes(1, 1, 7, 8), geometry, async (tile) => {
      sizes.push(`${tile.height}x${tile.width}`);
      return { ...tile, data: tile.data.slice() };
    });
    expect(sizes).toEqual(['4x4', '4x4', '4x2', '4x4', '4x4', '4x2', '1x4', '1x4', '1x2']);
  });

  it('blends with the tile above, which is itself blended, then with the one to the left', async () => {
    // Tiles are constant: 0, 1, 2, ... in the order in which they run. 2 rows and 2 columns overlap.
    let next = 0;
    const constant = async (tile: Planes): Promise<Planes> => ({ ...tile, data: tile.data.map(() => next) });
    const joined = await runTiles(
      randomPlanes(1, 1, 4, 4),
      { tile: [4, 4], step: [2, 2], blend: [2, 2], keep: [2, 2], size: [4, 4] },
      async (tile) => {
        const result = await constant(tile);
        next++;
        return result;
      },
    );
    // Tile 1 over tile 0: columns 0, 0.5. Tile 2 under tile 0: rows 0, 1. Tile 3: under tile 1 (rows 2, 3 of it are its
    // unblended rows but blended columns: [0, 0.5, ...] was cut off, its last two rows are [0, .5] | 1 past the overlap).
    const rows = Array.from({ length: 4 }, (_, y) => [...joined.data.subarray(4 * y, 4 * y + 4)]);
    expect(rows[0]).toEqual([0, 0, 0, 0.5]);
    expect(rows[1]).toEqual([0, 0, 0, 0.5]);
    expect(rows[2].slice(0, 2)).toEqual([0, 0]);
    expect(rows[3].slice(0, 2)).toEqual([1, 1]);
    // Bottom right, by hand: tile 1 is 1 x [0, .5] in all rows (its width is 2); tile 3 = 3, blended with tile 1's last two
    // rows: row 0 = [0, .5], row 1 = [1.5, 1.75]; then with tile 2's last two columns (its row 0 is 0, row 1 is 1):
    // column 0 is tile 2's, column 1 half of each.
    expect(rows[2].slice(2)).toEqual([0, 0.25]);
    expect(rows[3].slice(2)).toEqual([1, 1.375]);
  });
});

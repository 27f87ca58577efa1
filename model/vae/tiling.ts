import { UsageError } from '../../runtime/errors.ts';
import { blank, crop, type Planes } from './planes.ts';

/**
 * Tiled encoding and decoding, as the reference's `enable_tiling` does it: tiles start at every multiple of the stride,
 * are cut at the border, and are run alone; then each is blended over its overlap with the tile above (already blended
 * itself) and with the tile to its left. Results differ from untiled ones: the middle's attention sees one tile only,
 * and convolutions see zeros beyond a tile's border.
 */

/** Sizes in pixels, named as in the reference. */
export interface Tiling {
  /** Height and width of a tile. Pictures that are no larger are not tiled. */
  readonly minHeight: number;
  readonly minWidth: number;
  /** Distance from one tile to the next; the rest of a tile overlaps the next one and is blended. */
  readonly strideHeight: number;
  readonly strideWidth: number;
}

/** The reference's default: tiles of 256 px, 192 px apart. */
export const DEFAULT_TILING: Tiling = { minHeight: 256, minWidth: 256, strideHeight: 192, strideWidth: 192 };

/** One direction's geometry: tiles of the input in its units, blends and strides of the output in its. */
export interface TileGeometry {
  readonly tile: readonly [height: number, width: number];
  readonly step: readonly [height: number, width: number];
  /** Most rows and columns that are blended. */
  readonly blend: readonly [height: number, width: number];
  /** Rows and columns of a run tile that are kept. */
  readonly keep: readonly [height: number, width: number];
  /** Size of the joined output. */
  readonly size: readonly [height: number, width: number];
}

/**
 * Checks a tiling for a scale (pixels to a latent pixel).
 *
 * @throws UsageError if a size is not a whole number, below the scale, or a stride exceeds its tile
 */
export function checkTiling(tiling: Tiling, scale: number): void {
  for (const [name, size] of Object.entries(tiling))
    if (!Number.isInteger(size) || size < scale)
      throw new UsageError(`vae: tiling.${name} must be a whole number of at least ${scale} pixels, got ${size}.`);
  if (tiling.strideHeight > tiling.minHeight || tiling.strideWidth > tiling.minWidth)
    throw new UsageError(
      `vae: tiling strides must not exceed the tile, got ${tiling.strideHeight}x${tiling.strideWidth} of ${tiling.minHeight}x${tiling.minWidth}.`,
    );
}

/** Geometry of encoding a picture of height x width pixels, or undefined where it fits one tile. */
export function encodeTiles(tiling: Tiling, scale: number, height: number, width: number): TileGeometry | undefined {
  const { minHeight, minWidth, strideHeight, strideWidth } = tiling;
  if (height <= minHeight && width <= minWidth) return undefined;
  const down = (pixels: number): number => Math.floor(pixels / scale);
  return {
    tile: [minHeight, minWidth],
    step: [strideHeight, strideWidth],
    blend: [down(minHeight) - down(strideHeight), down(minWidth) - down(strideWidth)],
    keep: [down(strideHeight), down(strideWidth)],
    size: [down(height), down(width)],
  };
}

/** Geometry of decoding height x width latents, or undefined where they fit one tile. */
export function decodeTiles(tiling: Tiling, scale: number, height: number, width: number): TileGeometry | undefined {
  const { minHeight, minWidth, strideHeight, strideWidth } = tiling;
  const down = (pixels: number): number => Math.floor(pixels / scale);
  if (height <= down(minHeight) && width <= down(minWidth)) return undefined;
  return {
    tile: [down(minHeight), down(minWidth)],
    step: [down(strideHeight), down(strideWidth)],
    blend: [minHeight - strideHeight, minWidth - strideWidth],
    keep: [strideHeight, strideWidth],
    size: [height * scale, width * scale],
  };
}

/**
 * Runs `one` on every tile of `input` and joins the results. Holds two rows of tiles in memory.
 *
 * @param one encodes or decodes a tile alone
 */
export async function runTiles(
  input: Planes,
  geometry: TileGeometry,
  one: (tile: Planes) => Promise<Planes>,
): Promise<Planes> {
  const { tile, step, blend, keep, size } = geometry;
  let joined: Planes | undefined;
  let reached: readonly [height: number, width: number] = [0, 0];
  let above: Planes[] = [];
  for (let y = 0, row = 0; y < input.height; y += step[0], row++) {
    const current: Planes[] = [];
    for (let x = 0, column = 0; x < input.width; x += step[1], column++) {
      const result = await one(crop(input, y, x, tile[0], tile[1]));
      if (row > 0) blendRows(above[column], result, blend[0]);
      if (column > 0) blendColumns(current[column - 1], result, blend[1]);
      current.push(result);
      joined ??= blank(result.channels, size[0], size[1]);
      reached = paste(joined, result, row * keep[0], column * keep[1], keep[0], keep[1]);
    }
    above = current;
  }
  // Strides that the scale does not divide lose pixels at each tile: then less comes out, as in the reference.
  return joined ? crop(joined, 0, 0, reached[0], reached[1]) : blank(input.channels, size[0], size[1]);
}

/**
 * Puts the top-left height x width of `part` at (y, x) of `target`; what lies beyond the border is cut off. Returns
 * where the pasted part ends.
 */
function paste(
  target: Planes,
  part: Planes,
  y: number,
  x: number,
  height: number,
  width: number,
): readonly [bottom: number, right: number] {
  const rows = Math.max(0, Math.min(height, part.height, target.height - y));
  const columns = Math.max(0, Math.min(width, part.width, target.width - x));
  for (let c = 0; c < part.channels; c++)
    for (let row = 0; row < rows; row++) {
      const start = (c * part.height + row) * part.width;
      target.data.set(part.data.subarray(start, start + columns), (c * target.height + y + row) * target.width + x);
    }
  return [Math.min(y + rows, target.height), Math.min(x + columns, target.width)];
}

function blendRows(above: Planes, tile: Planes, most: number): void {
  const extent = Math.min(above.height, tile.height, most);
  const width = Math.min(above.width, tile.width);
  for (let c = 0; c < tile.channels; c++)
    for (let y = 0; y < extent; y++) {
      const from = (c * above.height + above.height - extent + y) * above.width;
      const to = (c * tile.height + y) * tile.width;
      const share = y / extent;
      for (let x = 0; x < width; x++)
        tile.data[to + x] = above.data[from + x] * (1 - share) + tile.data[to + x] * share;
    }
}

function blendColumns(left: Planes, tile: Planes, most: number): void {
  const extent = Math.min(left.width, tile.width, most);
  const height = Math.min(left.height, tile.height);
  for (let c = 0; c < tile.channels; c++)
    for (let y = 0; y < height; y++) {
      const from = (c * left.height + y) * left.width + left.width - extent;
      const to = (c * tile.height + y) * tile.width;
      for (let x = 0; x < extent; x++) {
        const share = x / extent;
        tile.data[to + x] = left.data[from + x] * (1 - share) + tile.data[to + x] * share;
      }
    }
}

import { ShapeError } from '../../runtime/errors.ts';
import { seeLayer, type RefineLayer } from './seen-layer.ts';
import { shareColours } from './share-colours.ts';
import { solveAlphas } from './solve-alphas.ts';

export type { RefineLayer } from './seen-layer.ts';

/** How refinement ends. */
export interface RefineOptions {
  /** Alpha below `low` becomes 0, above `high` 1; as a manifest's `alpha`. */
  readonly alpha?: { readonly low: number; readonly high: number };
}

/**
 * Makes layers that a network found in a picture agree with the picture: over each other they give it again, edges lie where
 * the picture has them, and colours are the picture's own (see this folder's README.md).
 *
 * Alphas change only in the picture; what a layer has beyond it or under others takes on the colours of what is seen of it. All layers are taken as source-over in encoded sRGB, blend `normal`.
 *
 * @param layers bottom first
 * @param picture premultiplied RGBA in 0..1, [height, width, 4]
 * @returns new pixels of each layer, straight RGBA, as large as they were
 * @throws ShapeError if pixels are not as large as their box, or the picture not as it says
 */
export function refineLayers(
  layers: readonly RefineLayer[],
  picture: Float32Array,
  width: number,
  height: number,
  options: RefineOptions = {},
): Float32Array<ArrayBuffer>[] {
  if (picture.length !== 4 * width * height)
    throw new ShapeError(
      `refine: picture must be [${height}, ${width}, 4], got ${picture.length} values. Resize it to the window.`,
    );
  for (const { box, pixels } of layers)
    if (pixels.length !== 4 * (box[2] - box[0]) * (box[3] - box[1]))
      throw new ShapeError(
        `refine: pixels must be [${box[3] - box[1]}, ${box[2] - box[0]}, 4] for box [${box.join(', ')}], got ${pixels.length} values.`,
      );
  const seen = layers.map(seeLayer);
  solveAlphas(seen, picture, width, height);
  const colours = shareColours(seen, picture, width, height);
  const { low, high } = options.alpha ?? { low: 0, high: 1 };
  return seen.map(({ alpha: found }, layer) => {
    const out = new Float32Array(4 * found.length);
    for (let i = 0; i < found.length; i++) {
      const alpha = found[i] < low ? 0 : found[i] > high ? 1 : found[i];
      out[4 * i + 3] = alpha;
      if (alpha > 0) for (let c = 0; c < 3; c++) out[4 * i + c] = colours[layer][c][i];
    }
    return out;
  });
}

import { ShapeError, UsageError } from '../../runtime/errors.ts';
import { premultiply } from '../layout/composite.ts';
import type { Band } from './columns.ts';
import { seeLayer, type RefineLayer, type SeenLayer } from './seen-layer.ts';
import { carryOn, shareRemainder } from './share-colours.ts';
import { solveAlphas } from './solve-alphas.ts';

export type { RefineLayer } from './seen-layer.ts';

/** How refinement ends. */
export interface RefineOptions {
  /** Alpha below `low` becomes 0, above `high` 1; as a manifest's `alpha`. Default: as found. */
  readonly alpha?: { readonly low: number; readonly high: number };
  readonly signal?: AbortSignal;
}

/** Rows between two looks at the clock. */
const BAND_ROWS = 16;
/** Milliseconds of work before others get a turn. */
const TURN_MS = 30;

/**
 * Makes layers that a network found in a picture agree with the picture: over each other they give it again, edges lie where
 * the picture has them, and colours are the picture's own (see this folder's README.md).
 *
 * Beyond the picture a layer keeps its alpha but for `options.alpha`, under others nearly so; there it takes on the colours of
 * what is seen of it. All layers are taken as source-over in encoded sRGB, blend `normal`. Works in turns of some 30 ms, so that
 * the caller's thread stays alive.
 *
 * @param layers bottom first; neither they nor the picture are changed. What is no number in them counts as 0.
 * @param picture straight RGBA in 0..1, [height, width, 4]
 * @returns new pixels of each layer, straight RGBA, as large as they were
 * @throws ShapeError if pixels or picture are not as large as they say; UsageError for an opacity or alpha out of 0..1; the signal's
 * reason
 */
export async function refineLayers(
  layers: readonly RefineLayer[],
  picture: Float32Array,
  width: number,
  height: number,
  options: RefineOptions = {},
): Promise<Float32Array<ArrayBuffer>[]> {
  const { alpha: { low, high } = { low: 0, high: 1 }, signal } = options;
  checkPicture(picture, width, height);
  for (const [index, layer] of layers.entries()) checkLayer(layer, index);
  if (!(low >= 0 && low <= high && high <= 1))
    throw new UsageError(`refine: alpha must be 0 <= low <= high <= 1, got ${low} and ${high}.`);
  const turn = turnTaker(signal);
  const premultiplied = premultiply(picture).map((value) => (Number.isFinite(value) ? value : 0));
  const seen: SeenLayer[] = [];
  for (const layer of layers) {
    seen.push(seeLayer(layer));
    await turn();
  }
  for (const band of bandsOf(width, height)) {
    solveAlphas(seen, premultiplied, band);
    await turn();
  }
  for (const { alpha } of seen)
    for (let i = 0; i < alpha.length; i++) alpha[i] = alpha[i] < low ? 0 : alpha[i] > high ? 1 : alpha[i];
  for (const band of bandsOf(width, height)) {
    shareRemainder(seen, premultiplied, band);
    await turn();
  }
  const out: Float32Array<ArrayBuffer>[] = [];
  for (const layer of seen) {
    out.push(interleaved(carryOn(layer), layer.alpha));
    await turn();
  }
  return out;
}

function bandsOf(width: number, height: number): Band[] {
  const count = Math.ceil(height / BAND_ROWS);
  return Array.from({ length: count }, (_, i) => {
    const top = i * BAND_ROWS;
    return { width, top, end: Math.min(height, top + BAND_ROWS) };
  });
}

/** Resolves at once, or after others had their turn where some time has passed. */
function turnTaker(signal: AbortSignal | undefined): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since > TURN_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
    signal?.throwIfAborted();
  };
}

/** Straight RGBA out of planes; no colour where there is no alpha. */
function interleaved(colours: readonly Float32Array[], alpha: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(4 * alpha.length);
  for (let i = 0; i < alpha.length; i++) {
    out[4 * i + 3] = alpha[i];
    if (alpha[i] > 0) for (let c = 0; c < 3; c++) out[4 * i + c] = colours[c][i];
  }
  return out;
}

function checkPicture(picture: Float32Array, width: number, height: number): void {
  if (Number.isInteger(width) && Number.isInteger(height) && width > 0 && picture.length === 4 * width * height) return;
  throw new ShapeError(
    `refine: picture must be [${height}, ${width}, 4], got ${picture.length} values. Resize it to the window.`,
  );
}

function checkLayer({ box, pixels, opacity }: RefineLayer, index: number): void {
  const [x0, y0, x1, y1] = box;
  if (!box.every(Number.isInteger) || x1 <= x0 || y1 <= y0)
    throw new ShapeError(
      `refine: layers[${index}].box must be integers with x1 > x0 and y1 > y0, got [${box.join(', ')}]. Correct the box.`,
    );
  if (pixels.length !== 4 * (x1 - x0) * (y1 - y0))
    throw new ShapeError(
      `refine: layers[${index}].pixels must be [${y1 - y0}, ${x1 - x0}, 4] for box [${box.join(', ')}], got ${pixels.length} values. Resize them to the box.`,
    );
  if (!(opacity >= 0 && opacity <= 1))
    throw new UsageError(`refine: layers[${index}].opacity must be 0 to 1, got ${opacity}.`);
}

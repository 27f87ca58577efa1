import { colourDistance } from './named-colours.ts';
import type { Rgb } from './named-colours.ts';
import type { Sheet } from './eval-layer.ts';

/** Pixels at least this opaque have a colour of their own. */
const OPAQUE = 0.5;

/**
 * How far a layer's colours are from a design's: mean over its opaque pixels of the distance to the nearest colour.
 *
 * @param palette mean colours of the design's other elements
 * @returns 0..sqrt(3); 1 for a layer without an opaque pixel (it does not match by being absent); undefined for no palette
 */
export function paletteDistance(layer: Sheet, palette: readonly Rgb[]): number | undefined {
  if (palette.length === 0) return undefined;
  const { data } = layer;
  let sum = 0;
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3];
    if (alpha <= OPAQUE) continue;
    const rgb: Rgb = [data[at] / alpha, data[at + 1] / alpha, data[at + 2] / alpha];
    let nearest = Infinity;
    for (const colour of palette) nearest = Math.min(nearest, colourDistance(rgb, colour));
    sum += nearest;
    count++;
  }
  return count === 0 ? 1 : sum / count;
}

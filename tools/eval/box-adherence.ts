import type { Box } from '../../model/layout/design-schema.ts';
import { intersectBoxes } from '../../model/layout/overflow.ts';
import type { EvalLayer } from './eval-layer.ts';
import { premultiplySnapped, sizeOf } from './eval-layer.ts';

/** Fainter pixels do not stretch a layer's tight box. */
const SEEN_ALPHA = 0.1;

/** How well a layer keeps to the box that was asked for. */
export interface BoxAdherence {
  /** Share of the layer's alpha that lies inside the box, 0..1; undefined for an empty layer. */
  readonly inside: number | undefined;
  /** Share of the box that the layer's tight box covers, 0..1; 0 for an empty layer. */
  readonly fill: number;
}

/** @param box as requested, in window pixels */
export function boxAdherence(layer: EvalLayer, box: Box): BoxAdherence {
  const pixels = premultiplySnapped(layer.rgba);
  const [width, height] = sizeOf(layer.box);
  let total = 0;
  let within = 0;
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let row = 0, at = 3; row < height; row++)
    for (let column = 0; column < width; column++, at += 4) {
      const alpha = pixels[at];
      if (alpha === 0) continue;
      const x = layer.box[0] + column;
      const y = layer.box[1] + row;
      total += alpha;
      if (x >= box[0] && x < box[2] && y >= box[1] && y < box[3]) within += alpha;
      if (alpha <= SEEN_ALPHA) continue;
      x0 = Math.min(x0, x);
      y0 = Math.min(y0, y);
      x1 = Math.max(x1, x + 1);
      y1 = Math.max(y1, y + 1);
    }
  const shared = x1 > x0 ? intersectBoxes([x0, y0, x1, y1], box) : undefined;
  const areaOf = (some: Box): number => (some[2] - some[0]) * (some[3] - some[1]);
  return { inside: total === 0 ? undefined : within / total, fill: shared ? areaOf(shared) / areaOf(box) : 0 };
}

import { ShapeError } from '../../runtime/errors.ts';
import { cropPixels } from '../../model/layout/composite.ts';
import type { Box } from '../../model/layout/design-schema.ts';
import { hullOf, quantizeBox, rectPixels, TOKEN_SIDE } from '../../model/tokens/grid.ts';

/** A layer as it is scored. */
export interface EvalLayer {
  readonly id: string;
  /** Where the pixels lie, in window pixels; half-open, may be negative or exceed the window. */
  readonly box: Box;
  /** Straight-alpha RGBA bytes, [y1 - y0, x1 - x0, 4]. */
  readonly rgba: Uint8Array | Uint8ClampedArray;
}

/** A picture as the metrics read it: premultiplied RGBA in 0..1, [height, width, 4], alpha snapped. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Bytes of alpha below 2/255 count as 0, above 253/255 as 1: the decoder's own thresholds. */
const ALPHA_LOW = 2;
const ALPHA_HIGH = 253;

/** Width and height of a box. */
export function sizeOf(box: Box): readonly [width: number, height: number] {
  return [box[2] - box[0], box[3] - box[1]];
}

/**
 * A layer's picture on a frame: premultiplied, alpha snapped, transparent black where the layer ends.
 *
 * @throws ShapeError if the bytes do not fill the layer's box
 */
export function onFrame(layer: EvalLayer, frame: Box): Sheet {
  const [w, h] = sizeOf(layer.box);
  if (layer.rgba.length !== 4 * w * h)
    throw new ShapeError(
      `eval: layer "${layer.id}" must have [${h}, ${w}, 4] bytes for box [${layer.box.join(', ')}], got ${layer.rgba.length}.`,
    );
  const [width, height] = sizeOf(frame);
  return { width, height, data: cropPixels(premultiplySnapped(layer.rgba), layer.box, frame) };
}

/** Straight bytes [..., 4] to premultiplied floats with alpha snapped to 0 and 1 at its ends. */
export function premultiplySnapped(rgba: Uint8Array | Uint8ClampedArray): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rgba.length);
  for (let at = 0; at < rgba.length; at += 4) {
    const byte = rgba[at + 3];
    const alpha = byte < ALPHA_LOW ? 0 : byte > ALPHA_HIGH ? 1 : byte / 255;
    for (let c = at; c < at + 3; c++) out[c] = (rgba[c] / 255) * alpha;
    out[at + 3] = alpha;
  }
  return out;
}

/** One token of the window's grid. */
const ONE_TOKEN = { width: TOKEN_SIDE, height: TOKEN_SIDE, gw: 1, gh: 1 };

/** The frame that a layer is scored on: the whole tokens of its true box, and of whatever was drawn beyond them. */
export function scoringFrame(truth: Box, drawn?: Box): Box {
  const boxes = drawn ? [truth, drawn] : [truth];
  return rectPixels(hullOf(boxes.map((box) => quantizeBox(box, ONE_TOKEN))));
}

/** Composited on 50 % gray, [height, width, 3]: straight colours under a small alpha mean nothing, these do. */
export function onGray({ data }: Sheet): Float32Array<ArrayBuffer> {
  const out = new Float32Array((data.length / 4) * 3);
  for (let at = 0, to = 0; at < data.length; at += 4, to += 3) {
    const rest = 0.5 * (1 - data[at + 3]);
    out[to] = data[at] + rest;
    out[to + 1] = data[at + 1] + rest;
    out[to + 2] = data[at + 2] + rest;
  }
  return out;
}

/** Alpha alone, [height, width]. */
export function alphaOf({ data }: Sheet): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length / 4);
  for (let i = 0; i < out.length; i++) out[i] = data[4 * i + 3];
  return out;
}

/** Which pixels of a frame satisfy a test on their alpha and on their place in the window; 0 or 1, [height, width]. */
export function maskOf(frame: Box, isIn: (index: number, x: number, y: number) => boolean): Uint8Array<ArrayBuffer> {
  const [width, height] = sizeOf(frame);
  const mask = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) if (isIn(i, frame[0] + x, frame[1] + y)) mask[i] = 1;
  return mask;
}

/** How many pixels a mask has. */
export function countOf(mask: Uint8Array): number {
  let count = 0;
  for (const value of mask) count += value;
  return count;
}

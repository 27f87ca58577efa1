import { ShapeError } from '../../runtime/errors.ts';
import { blendColors } from './blend.ts';
import type { BlendMode, Box } from './design-schema.ts';
import { intersectBoxes } from './overflow.ts';

const f32 = Math.fround;

/** A picture on its way into a composite. */
export interface CompositeLayer {
  /** Where its pixels lie, in pixels of the canvas' coordinates; the picture is as large as the box. */
  readonly box: Box;
  /** [h, w, 4]: bytes are straight alpha, floats premultiplied in 0..1. */
  readonly pixels: Uint8Array | Uint8ClampedArray | Float32Array;
  /** 0..1, default 1. */
  readonly opacity?: number;
  /** Default `normal`. */
  readonly blend?: BlendMode;
}

/**
 * Puts layers over each other on transparent black: source-over in encoded sRGB, premultiplied, accumulated in f32 and
 * never quantised (golden/kinds-mrt.md section 8). Other blend modes mix the colours first, as W3C Compositing says.
 *
 * @param layers bottom first; what lies outside `canvas` is cut
 * @param canvas half-open box in pixels
 * @returns premultiplied RGBA, [H, W, 4] of the canvas
 * @throws ShapeError if a picture is not as large as its box, or a box is empty
 */
export function compositeLayers(layers: readonly CompositeLayer[], canvas: Box): Float32Array<ArrayBuffer> {
  const out = new Float32Array(4 * areaOf('composite', canvas));
  const stride = canvas[2] - canvas[0];
  const color: [number, number, number] = [0, 0, 0];
  for (const layer of layers) {
    const { box, pixels, opacity = 1, blend = 'normal' } = layer;
    if (pixels.length !== 4 * areaOf('composite', box)) {
      throw new ShapeError(
        `composite: pixels must be [${box[3] - box[1]}, ${box[2] - box[0]}, 4] for box [${box.join(', ')}], got ${pixels.length} values. Resize the picture to its box.`,
      );
    }
    const shown = intersectBoxes(box, canvas);
    if (shown === undefined) continue;
    const isStraight = !(pixels instanceof Float32Array);
    const dim = f32(opacity);
    for (let y = shown[1]; y < shown[3]; y++) {
      let from = 4 * ((y - box[1]) * (box[2] - box[0]) + shown[0] - box[0]);
      let to = 4 * ((y - canvas[1]) * stride + shown[0] - canvas[0]);
      for (let x = shown[0]; x < shown[2]; x++, from += 4, to += 4) {
        // Rounded to f32 after every step: the result is the same on every machine, and the reference's, bit for bit.
        const alpha = isStraight ? f32(pixels[from + 3] / 255) : pixels[from + 3];
        const a = f32(alpha * dim);
        const rest = f32(1 - a);
        for (let c = 0; c < 3; c++) {
          const value = pixels[from + c];
          color[c] = f32((isStraight ? f32(f32(value / 255) * alpha) : value) * dim);
        }
        if (blend === 'normal') {
          for (let c = 0; c < 3; c++) out[to + c] = color[c] + f32(out[to + c] * rest);
        } else {
          blendOver(out, to, blend, color, a);
        }
        out[to + 3] = a + f32(out[to + 3] * rest);
      }
    }
  }
  return out;
}

/** `(1 - ab) s + as ab B(cb, cs) + (1 - as) b`, all but the colours inside B premultiplied. */
function blendOver(out: Float32Array, at: number, mode: BlendMode, color: readonly number[], alpha: number): void {
  if (alpha === 0) return;
  const below = out[at + 3];
  const straight = (value: number, by: number): number => (by === 0 ? 0 : Math.min(1, value / by));
  const mixed = blendColors(
    mode,
    [straight(out[at], below), straight(out[at + 1], below), straight(out[at + 2], below)],
    [straight(color[0], alpha), straight(color[1], alpha), straight(color[2], alpha)],
  );
  for (let c = 0; c < 3; c++) {
    out[at + c] = (1 - below) * color[c] + alpha * below * mixed[c] + (1 - alpha) * out[at + c];
  }
}

/**
 * The visible window of a composite as bytes: straight alpha, rounded half up, RGB 0 where the byte of alpha is 0.
 *
 * @param pixels premultiplied RGBA, [H, W, 4] of `canvas`
 * @param canvas half-open box in pixels, in the window's coordinates
 * @param window width and height of the window, whose top-left corner is (0, 0); transparent where the canvas ends
 * @returns [h, w, 4]
 * @throws ShapeError if `pixels` is not as large as `canvas`
 */
export function toWindow8(
  pixels: Float32Array,
  canvas: Box,
  window: readonly [width: number, height: number],
): Uint8ClampedArray<ArrayBuffer> {
  if (pixels.length !== 4 * areaOf('to_window', canvas)) {
    throw new ShapeError(
      `to_window: pixels must be [${canvas[3] - canvas[1]}, ${canvas[2] - canvas[0]}, 4], got ${pixels.length} values. Pass the canvas box of the composite.`,
    );
  }
  const [width, height] = window;
  const cut = cropPixels(pixels, canvas, [0, 0, width, height]);
  return toBytes(cut);
}

/**
 * A part of a picture; transparent black where the picture ends.
 *
 * @param pixels [H, W, 4] of `from`
 * @param to half-open box in the same coordinates
 * @returns [h, w, 4] of `to`
 */
export function cropPixels(pixels: Float32Array, from: Box, to: Box): Float32Array<ArrayBuffer> {
  const out = new Float32Array(4 * areaOf('crop', to));
  const shared = intersectBoxes(from, to);
  if (shared === undefined) return out;
  const length = 4 * (shared[2] - shared[0]);
  for (let y = shared[1]; y < shared[3]; y++) {
    const start = 4 * ((y - from[1]) * (from[2] - from[0]) + shared[0] - from[0]);
    out.set(pixels.subarray(start, start + length), 4 * ((y - to[1]) * (to[2] - to[0]) + shared[0] - to[0]));
  }
  return out;
}

/** Straight RGBA bytes [..., 4] to premultiplied floats in 0..1. */
export function premultiplyBytes(rgba: Uint8Array | Uint8ClampedArray): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rgba.length);
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = f32(rgba[at + 3] / 255);
    for (let c = at; c < at + 3; c++) out[c] = f32(rgba[c] / 255) * alpha;
    out[at + 3] = alpha;
  }
  return out;
}

/** Premultiplied floats [..., 4] to straight floats: colours clamped to 0..1, and 0 where alpha is 0. */
export function unpremultiply(pixels: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3];
    out[at + 3] = alpha;
    if (alpha <= 0) continue;
    for (let c = at; c < at + 3; c++) out[c] = Math.min(1, Math.max(0, pixels[c] / alpha));
  }
  return out;
}

/** Straight floats [..., 4] in 0..1 to premultiplied ones. */
export function premultiply(pixels: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3];
    for (let c = at; c < at + 3; c++) out[c] = pixels[c] * alpha;
    out[at + 3] = alpha;
  }
  return out;
}

/** Premultiplied floats [..., 4] to straight bytes: clamped, rounded half up, RGB 0 where the byte of alpha is 0. */
export function toBytes(pixels: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const straight = unpremultiply(pixels);
  const out = new Uint8ClampedArray(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = toByte(straight[at + 3]);
    if (alpha <= 0) continue;
    for (let c = at; c < at + 3; c++) out[c] = toByte(straight[c]);
    out[at + 3] = alpha;
  }
  return out;
}

/**
 * floor(255 v + 0.5) in f32, clamped by the array it is stored to. In f32 because 0.9 is 229.5 there, as one expects, and
 * not 229.49999; and by hand because a clamped array rounds halves to even.
 */
function toByte(value: number): number {
  return Math.floor(f32(f32(value * 255) + 0.5));
}

function areaOf(op: string, box: Box): number {
  const area = (box[2] - box[0]) * (box[3] - box[1]);
  if (!box.every(Number.isInteger) || box[2] <= box[0] || box[3] <= box[1]) {
    throw new ShapeError(
      `${op}: a box must be integers with x1 > x0 and y1 > y0, got [${box.join(', ')}]. Correct the box.`,
    );
  }
  return area;
}

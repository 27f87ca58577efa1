import type { Box } from '../../model/layout/design-schema.ts';
import type { EvalLayer } from './eval-layer.ts';
import { maskOf, onFrame, sizeOf } from './eval-layer.ts';
import type { Sheet } from './eval-layer.ts';

/** A pixel of the background is hidden where the alphas above it sum to more than this. */
const HIDDEN_COVER = 0.5;
/** A pixel is free where the alphas above it sum to less. */
const FREE_COVER = 0.02;
/** A pixel of a layer is visible where the alphas above it sum to less. */
const VISIBLE_COVER = 0.05;
/** A pixel belongs to a layer where its true alpha exceeds this: below, straight colours are noise. */
const OWN_ALPHA = 0.02;

/** Sum of the alphas of layers over a frame, [height, width]; may exceed 1. */
export function coverOf(layers: readonly EvalLayer[], frame: Box): Float32Array<ArrayBuffer> {
  const [width, height] = sizeOf(frame);
  const cover = new Float32Array(width * height);
  for (const layer of layers) {
    const { data } = onFrame(layer, frame);
    for (let i = 0; i < cover.length; i++) cover[i] += data[4 * i + 3];
  }
  return cover;
}

/** Pixels of the window where the background cannot be seen; 0 or 1, [height, width]. */
export function hiddenMask(foreground: readonly EvalLayer[], window: Box): Uint8Array {
  const cover = coverOf(foreground, window);
  return maskOf(window, (i) => cover[i] > HIDDEN_COVER);
}

/**
 * The mean of a background's pixels that nothing covers (all of them where everything is covered), over the whole frame.
 * Taken from the true background: a baseline that is honest and slightly generous.
 */
export function flatFill(background: Sheet, foreground: readonly EvalLayer[], window: Box): Sheet {
  const cover = coverOf(foreground, window);
  let sum = [0, 0, 0, 0];
  let count = 0;
  for (const anywhere of [false, true]) {
    if (count > 0) break;
    sum = [0, 0, 0, 0];
    for (let i = 0; i < cover.length; i++) {
      if (!anywhere && cover[i] >= FREE_COVER) continue;
      for (let c = 0; c < 4; c++) sum[c] += background.data[4 * i + c];
      count++;
    }
  }
  const data = new Float32Array(background.data.length);
  for (let at = 0; at < data.length; at++) data[at] = sum[at % 4] / count;
  return { width: background.width, height: background.height, data };
}

/** Pixels that truly belong to a layer; 0 or 1 on the frame of its sheet. */
export function ownMask(truth: Sheet, frame: Box): Uint8Array {
  return maskOf(frame, (i) => truth.data[4 * i + 3] > OWN_ALPHA);
}

/** Of a layer's own pixels those inside the window that nothing above covers. */
export function visibleMask(own: Uint8Array, above: readonly EvalLayer[], frame: Box, window: Box): Uint8Array {
  const cover = coverOf(above, frame);
  return maskOf(frame, (i, x, y) => own[i] === 1 && isInside(window, x, y) && cover[i] < VISIBLE_COVER);
}

/** Whether a pixel lies in a box. */
export function isInside(box: Box, x: number, y: number): boolean {
  return x >= box[0] && x < box[2] && y >= box[1] && y < box[3];
}

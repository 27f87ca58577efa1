import { ShapeError } from '../../runtime/errors.ts';
import type { Sheet } from './eval-layer.ts';

/** Opaque enough, and within this of middle gray in every channel. */
const LEAK_ALPHA = 0.9;
const LEAK_REACH = 0.03;

/**
 * How many pixels are opaque middle gray where the truth is not: what an encoder without alpha sees in place of
 * transparency, left standing by the decoder.
 *
 * @throws ShapeError if the sheets differ in size
 */
export function grayLeak(drawn: Sheet, truth: Sheet): { readonly leaked: number; readonly pixels: number } {
  if (drawn.data.length !== truth.data.length)
    throw new ShapeError(`gray_leak: sheets must be alike, got ${drawn.data.length} and ${truth.data.length} values.`);
  let leaked = 0;
  for (let at = 0; at < drawn.data.length; at += 4) if (isGray(drawn.data, at) && !isGray(truth.data, at)) leaked++;
  return { leaked, pixels: drawn.data.length / 4 };
}

function isGray(premultiplied: Float32Array, at: number): boolean {
  const alpha = premultiplied[at + 3];
  if (alpha <= LEAK_ALPHA) return false;
  for (let c = at; c < at + 3; c++) if (Math.abs(premultiplied[c] / alpha - 0.5) >= LEAK_REACH) return false;
  return true;
}

import type { Box } from '../layout/design-schema.ts';
import type { GridRect } from './token-plan.ts';

/** Pixels per token side: VAE stride 8 x patch 2. */
export const TOKEN_SIDE = 16;

/** Latent pixels per token side. */
export const PATCH_SIDE = 2;

/** Largest integer not above a / b, exact for safe integers; b > 0. */
function floorDivide(a: number, b: number): number {
  const rest = a % b;
  // `+ 0` turns a negative zero into zero: grid numbers are compared and printed.
  return (rest < 0 ? (a - rest) / b - 1 : (a - rest) / b) + 0;
}

/** Smallest integer not below a / b, exact for safe integers; b > 0. */
function ceilDivide(a: number, b: number): number {
  return 0 - floorDivide(0 - a, b);
}

/** A window in pixels and in tokens. */
export interface GridWindow {
  readonly width: number;
  readonly height: number;
  readonly gw: number;
  readonly gh: number;
}

/** The number of tokens a window side gets: it goes to the nearest multiple of `multiple` px, half upward, at least one. */
export function sideTokens(side: number, multiple: number): number {
  return (Math.max(1, Math.floor((side + multiple / 2) / multiple)) * multiple) / TOKEN_SIDE;
}

/**
 * The token hull of a pixel box: outward, with the true floor for negative coordinates. A window off the grid is
 * stretched to its tokens first (x times gw / width), in exact integers.
 */
export function quantizeBox(box: Box, window: GridWindow): GridRect {
  const { width, height, gw, gh } = window;
  const gx0 = floorDivide(box[0] * gw, width);
  const gy0 = floorDivide(box[1] * gh, height);
  return { gx0, gy0, gw: ceilDivide(box[2] * gw, width) - gx0, gh: ceilDivide(box[3] * gh, height) - gy0 };
}

/** The pixel box of a grid rectangle, in pixels of the grid window (token 16 px). */
export function rectPixels(rect: GridRect): Box {
  const x0 = TOKEN_SIDE * rect.gx0;
  const y0 = TOKEN_SIDE * rect.gy0;
  return [x0, y0, x0 + TOKEN_SIDE * rect.gw, y0 + TOKEN_SIDE * rect.gh];
}

/** The smallest rectangle that holds all given ones (at least one). */
export function hullOf(rects: readonly GridRect[]): GridRect {
  let x0 = Infinity;
  let y0 = Infinity;
  let x1 = -Infinity;
  let y1 = -Infinity;
  for (const { gx0, gy0, gw, gh } of rects) {
    x0 = Math.min(x0, gx0);
    y0 = Math.min(y0, gy0);
    x1 = Math.max(x1, gx0 + gw);
    y1 = Math.max(y1, gy0 + gh);
  }
  return { gx0: x0, gy0: y0, gw: x1 - x0, gh: y1 - y0 };
}

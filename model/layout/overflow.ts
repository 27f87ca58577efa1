import type { Box } from './design-schema.ts';

/** How far boxes may reach, in real window pixels: `maxRatio` window sides beyond each side. */
export function overflowLimits(window: { readonly width: number; readonly height: number }, maxRatio: number): Box {
  const reachX = maxRatio * window.width;
  const reachY = maxRatio * window.height;
  return [-reachX, -reachY, window.width + reachX, window.height + reachY];
}

/** Whether `box` lies within `limits`; touching them is allowed. */
export function liesWithin(box: Box, limits: Box): boolean {
  return box[0] >= limits[0] && box[1] >= limits[1] && box[2] <= limits[2] && box[3] <= limits[3];
}

/** The whole pixels that lie within real limits. */
export function roundInward(limits: Box): Box {
  return [Math.ceil(limits[0]), Math.ceil(limits[1]), Math.floor(limits[2]), Math.floor(limits[3])];
}

/** What two boxes share, or undefined where they share no pixel. */
export function intersectBoxes(a: Box, b: Box): Box | undefined {
  const x0 = Math.max(a[0], b[0]);
  const y0 = Math.max(a[1], b[1]);
  const x1 = Math.min(a[2], b[2]);
  const y1 = Math.min(a[3], b[3]);
  return x1 > x0 && y1 > y0 ? [x0, y0, x1, y1] : undefined;
}

import type { Sheet } from './eval-layer.ts';
import { SOLID_SHARE, topAlpha } from './named-colours.ts';
import { SHAPE_DISTANCES, SHAPE_NAMES } from './shape-distance.ts';
import type { ShapeName } from './shape-distance.ts';

/** Side of the square that outlines are compared in. */
const SIDE = 40;
/** Under this overlap with every shape a layer is none. */
const LEAST_OVERLAP = 0.6;

/** Proportions (height over width) in which a shape is drawn; 1 for those that are as wide as high. */
const PROPORTIONS: Readonly<Partial<Record<ShapeName, readonly number[]>>> = {
  rectangle: [0.55, 0.65, 0.75, 1 / 0.75, 1 / 0.65, 1 / 0.55],
  pill: [0.42, 0.48, 0.55],
  arch: [1 / 0.62, 1 / 0.7, 1 / 0.8],
};
const TILTED: readonly ShapeName[] = ['square', 'star', 'triangle', 'cross', 'heart', 'flower', 'hexagon', 'moon'];
const TILTS = [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3];
/** An outlined shape is a band of a fifth of its half side. */
const BAND = 0.2;
/** Those that are never outlined. */
const UNLINED: readonly ShapeName[] = ['ring', 'cross', 'moon'];

/** An outline: 0 or 1 on a square of {@link SIDE}, its longer side filling it, centred. */
export type Outline = Uint8Array;

/** Outlines of every way in which a shape may be drawn. */
export type ShapeTemplates = ReadonlyMap<ShapeName, readonly Outline[]>;

/** Draws the templates: about 120 outlines. */
export function drawTemplates(): ShapeTemplates {
  return new Map(SHAPE_NAMES.map((name) => [name, drawShape(name)]));
}

function drawShape(name: ShapeName): Outline[] {
  const out: Outline[] = [];
  for (const proportion of PROPORTIONS[name] ?? [1])
    for (const tilt of TILTED.includes(name) ? TILTS : [0])
      for (const isOutlined of UNLINED.includes(name) ? [false] : [false, true]) {
        const outline = drawOne(name, proportion, tilt, isOutlined);
        if (outline) out.push(outline);
      }
  return out;
}

function drawOne(name: ShapeName, proportion: number, tilt: number, isOutlined: boolean): Outline | undefined {
  const half = 0.6 * SIDE; // a little larger than the square that it is cut down to
  const [a, b] = proportion <= 1 ? [half, half * proportion] : [half / proportion, half];
  const side = 3 * half; // room for what a tilt turns outward
  const solid = new Uint8Array(side * side);
  const [cos, sin] = [Math.cos(tilt), Math.sin(tilt)];
  for (let row = 0, i = 0; row < side; row++)
    for (let column = 0; column < side; column++, i++) {
      const x = column + 0.5 - side / 2;
      const y = row + 0.5 - side / 2;
      const distance = SHAPE_DISTANCES[name](cos * x + sin * y, cos * y - sin * x, a, b);
      const inside = isOutlined ? Math.max(distance, -distance - BAND * Math.min(a, b)) : distance;
      if (inside < 0) solid[i] = 1;
    }
  return normalize(solid, side, side);
}

/** The outline of a layer's solid part; undefined where the layer is (nearly) empty. */
export function outlineOf(sheet: Sheet): Outline | undefined {
  const top = topAlpha(sheet);
  if (top < 0.15) return undefined;
  const solid = new Uint8Array(sheet.width * sheet.height);
  for (let i = 0; i < solid.length; i++) if (sheet.data[4 * i + 3] > SOLID_SHARE * top) solid[i] = 1;
  return normalize(solid, sheet.width, sheet.height);
}

/** Cuts a mask to its tight box and fits that into the square, proportions kept. */
function normalize(mask: Uint8Array, width: number, height: number): Outline | undefined {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (mask[y * width + x] === 1) {
        x0 = Math.min(x0, x);
        y0 = Math.min(y0, y);
        x1 = Math.max(x1, x + 1);
        y1 = Math.max(y1, y + 1);
      }
  if (x1 <= x0) return undefined;
  const scale = Math.max(x1 - x0, y1 - y0) / SIDE;
  const [middleX, middleY] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const out = new Uint8Array(SIDE * SIDE);
  for (let y = 0, i = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++, i++) {
      const sx = Math.floor(middleX + (x + 0.5 - SIDE / 2) * scale);
      const sy = Math.floor(middleY + (y + 0.5 - SIDE / 2) * scale);
      if (sx >= x0 && sx < x1 && sy >= y0 && sy < y1) out[i] = mask[sy * width + sx];
    }
  return out;
}

/** Intersection over union of two outlines. */
export function outlineOverlap(a: Outline, b: Outline): number {
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    both += a[i] & b[i];
    either += a[i] | b[i];
  }
  return either === 0 ? 0 : both / either;
}

/** How well a layer's outline fits each shape word. */
export type ShapeFits = ReadonlyMap<ShapeName, number>;

/** Best overlap with any template of each shape. */
export function fitShapes(outline: Outline, templates: ShapeTemplates): ShapeFits {
  return new Map(
    [...templates].map(([name, drawn]) => [name, Math.max(...drawn.map((one) => outlineOverlap(outline, one)))]),
  );
}

/** Words that an outline alone cannot tell from another: a sheer panel is a rectangle. */
const ALIKE: Readonly<Record<string, readonly ShapeName[]>> = { panel: ['rectangle', 'square'], shadow: ['pill'] };

/**
 * Whether a layer has the shape that was asked for: no other shape word fits it better, and it fits at all. What no word
 * describes (type, shadows, shapes cut by the window's edge) is compared with the true layer's own outline besides.
 *
 * @param outline, fits of the drawn layer
 * @param element the wanted layer's element: a shape word, `text`, `panel`, `shadow`
 * @param truth outline of the wanted layer
 */
export function hasShape(outline: Outline, fits: ShapeFits, element: string, truth: Outline): boolean {
  const own = Math.max(outlineOverlap(outline, truth), fits.get(element as ShapeName) ?? 0);
  if (own < LEAST_OVERLAP) return false;
  const alike = ALIKE[element] ?? [];
  for (const [name, fit] of fits) if (name !== element && !alike.includes(name) && fit > own) return false;
  return true;
}

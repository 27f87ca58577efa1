import type { Sheet } from './eval-layer.ts';

/** Encoded sRGB in 0..1. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** The twelve colour words of captions, with their nominal colours: those of `tools/train/palette.py`. */
export const NAMED_COLOURS = {
  red: [0.9, 0.27, 0.29],
  orange: [0.97, 0.55, 0.18],
  yellow: [1.0, 0.83, 0.31],
  green: [0.25, 0.65, 0.4],
  teal: [0.1, 0.6, 0.62],
  sky: [0.43, 0.76, 0.96],
  blue: [0.18, 0.42, 0.87],
  navy: [0.11, 0.16, 0.35],
  purple: [0.5, 0.3, 0.78],
  pink: [0.96, 0.55, 0.69],
  brown: [0.52, 0.33, 0.22],
  cream: [1.0, 0.96, 0.88],
} as const satisfies Readonly<Record<string, Rgb>>;

/** One of the twelve words. */
export type ColourName = keyof typeof NAMED_COLOURS;

/** All words. */
export const COLOUR_NAMES = Object.keys(NAMED_COLOURS) as ColourName[];

/** Below this alpha nothing is there that has a colour. */
const LEAST_ALPHA = 0.15;
/** The part of a layer whose colour counts: alpha above this share of its largest. Soft shadows and edges stay out. */
export const SOLID_SHARE = 0.7;

/** Euclidean distance. */
export function colourDistance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** The nearest of the twelve words. */
export function nearestColour(rgb: Rgb): ColourName {
  let best: ColourName = 'red';
  for (const name of COLOUR_NAMES)
    if (colourDistance(NAMED_COLOURS[name], rgb) < colourDistance(NAMED_COLOURS[best], rgb)) best = name;
  return best;
}

/** Largest alpha of a sheet. */
export function topAlpha({ data }: Sheet): number {
  let top = 0;
  for (let at = 3; at < data.length; at += 4) top = Math.max(top, data[at]);
  return top;
}

/** Alpha-weighted mean colour of the solid part of a layer; undefined where there is next to nothing. */
export function meanColour(sheet: Sheet): Rgb | undefined {
  const top = topAlpha(sheet);
  if (top < LEAST_ALPHA) return undefined;
  const sum: [number, number, number] = [0, 0, 0];
  let weight = 0;
  const { data } = sheet;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] <= SOLID_SHARE * top) continue;
    for (let c = 0; c < 3; c++) sum[c] += data[at + c];
    weight += data[at + 3];
  }
  return [sum[0] / weight, sum[1] / weight, sum[2] / weight];
}

import type { BlendMode } from './design-schema.ts';

// Blend functions of W3C Compositing and Blending level 1, sections 10.1 and 10.2, on straight colours in 0..1.

/** Mixes a backdrop channel `b` with a source channel `s`. */
type ChannelBlend = (b: number, s: number) => number;

const hardLight: ChannelBlend = (b, s) => (s <= 0.5 ? b * 2 * s : screen(b, 2 * s - 1));
const screen: ChannelBlend = (b, s) => b + s - b * s;

const CHANNEL_BLENDS: Readonly<Partial<Record<BlendMode, ChannelBlend>>> = {
  multiply: (b, s) => b * s,
  screen,
  overlay: (b, s) => hardLight(s, b),
  darken: Math.min,
  lighten: Math.max,
  'color-dodge': (b, s) => (b === 0 ? 0 : s >= 1 ? 1 : Math.min(1, b / (1 - s))),
  'color-burn': (b, s) => (b >= 1 ? 1 : s <= 0 ? 0 : 1 - Math.min(1, (1 - b) / s)),
  'hard-light': hardLight,
  'soft-light': (b, s) => {
    if (s <= 0.5) return b - (1 - 2 * s) * b * (1 - b);
    const curve = b <= 0.25 ? ((16 * b - 12) * b + 4) * b : Math.sqrt(b);
    return b + (2 * s - 1) * (curve - b);
  },
  difference: (b, s) => Math.abs(b - s),
  exclusion: (b, s) => b + s - 2 * b * s,
};

type Color = readonly [red: number, green: number, blue: number];

const luminosity = ([r, g, b]: Color): number => 0.3 * r + 0.59 * g + 0.11 * b;
const saturation = (color: Color): number => Math.max(...color) - Math.min(...color);

/** Moves a colour to a luminosity and pulls it back into the cube along the grey axis. */
function withLuminosity(color: Color, target: number): Color {
  const shift = target - luminosity(color);
  const moved: Color = [color[0] + shift, color[1] + shift, color[2] + shift];
  const low = Math.min(...moved);
  const high = Math.max(...moved);
  const clip = (channel: number): number => {
    let value = channel;
    if (low < 0) value = target + ((value - target) * target) / (target - low);
    if (high > 1) value = target + ((value - target) * (1 - target)) / (high - target);
    return value;
  };
  return [clip(moved[0]), clip(moved[1]), clip(moved[2])];
}

function withSaturation(color: Color, target: number): Color {
  const low = Math.min(...color);
  const range = saturation(color);
  if (range === 0) return [0, 0, 0];
  const scale = (channel: number): number => ((channel - low) * target) / range;
  return [scale(color[0]), scale(color[1]), scale(color[2])];
}

const COLOR_BLENDS: Readonly<Partial<Record<BlendMode, (b: Color, s: Color) => Color>>> = {
  hue: (b, s) => withLuminosity(withSaturation(s, saturation(b)), luminosity(b)),
  saturation: (b, s) => withLuminosity(withSaturation(b, saturation(s)), luminosity(b)),
  color: (b, s) => withLuminosity(s, luminosity(b)),
  luminosity: (b, s) => withLuminosity(b, luminosity(s)),
};

/**
 * The mixed colour of a backdrop and a source, before alpha comes in.
 *
 * @param backdrop straight RGB, 0..1
 * @param source straight RGB, 0..1
 * @returns straight RGB, 0..1
 */
export function blendColors(mode: BlendMode, backdrop: Color, source: Color): Color {
  const byColor = COLOR_BLENDS[mode];
  if (byColor !== undefined) return byColor(backdrop, source);
  const byChannel = CHANNEL_BLENDS[mode];
  if (byChannel === undefined) return source;
  return [byChannel(backdrop[0], source[0]), byChannel(backdrop[1], source[1]), byChannel(backdrop[2], source[2])];
}

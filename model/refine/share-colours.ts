import { forEachColumn, type Band } from './columns.ts';
import { blur } from './neighbourhood.ts';
import type { SeenLayer } from './seen-layer.ts';

/** Standard deviation in pixels of the blur that brings seen colours to where a layer is hidden: it reaches 14. */
const NEAR_SIGMA = 6;
/** Of the one that brings their change to the network's colours farther off: it reaches 38. */
const FAR_SIGMA = 16;

/**
 * How much of a layer must be seen before it takes its colour from the picture, and how fast it does so beyond that; as a share
 * of its opacity. From less, the picture comes out more exactly, but a background shows a speck wherever an edge is a little off.
 */
const OPEN_FROM = 0.25;
const OPEN_SLOPE = 2;
/**
 * How much the layers above must let through before the one below takes colours from the picture: where an edge above is a little
 * off, what is missing is the edge's fault.
 */
const CLEAR_FROM = 0.75;
const CLEAR_SLOPE = 4;
/** Of a layer fainter than this too little is seen to tell its colour from the picture's noise. */
const MIN_OPACITY = 0.2;

const TINY = 1e-6;
const MIN_WEIGHT = 1e-3;
const clamp = (value: number): number => (value < 0 ? 0 : value > 1 ? 1 : value);
/** From a to b, `share` clamped to 0 ... 1. */
const mix = (a: number, b: number, share: number): number => a + clamp(share) * (b - a);

/**
 * Once alphas are settled: sets `weight`, and moves `colour` to where the layers over each other give the picture, in a band of
 * rows. What they still lack is shared among them by the square of how much of each is seen.
 *
 * @param picture premultiplied RGBA, [height, width, 4]
 */
export function shareRemainder(layers: readonly SeenLayer[], picture: Float32Array, band: Band): void {
  const rest = new Float64Array(3);
  forEachColumn(layers, band, ({ layers: cover, at }, pixel) => {
    for (let c = 0; c < 3; c++) rest[c] = picture[4 * pixel + c];
    let through = 1;
    let cubes = 1e-3; // shares are w^2 / sum of w^3: times w each, they add up to the remainder
    for (let i = cover.length - 1; i >= 0; i--) {
      const { alpha, colour, opacity, weight } = cover[i];
      const p = at[i];
      const w = through * opacity * alpha[p];
      weight[p] = w;
      cubes += w * w * w;
      for (let c = 0; c < 3; c++) rest[c] -= w * colour[c][p];
      through *= 1 - opacity * alpha[p];
    }
    for (let i = 0; i < cover.length; i++) {
      const { colour, weight } = cover[i];
      const p = at[i];
      const share = (weight[p] * weight[p]) / cubes;
      for (let c = 0; c < 3; c++) colour[c][p] = clamp(colour[c][p] + share * rest[c]);
    }
  });
}

/**
 * A layer's straight colours, three planes: `colour` where it is seen; where it is hidden, the seen colours nearby, and farther off
 * the network's, changed as the seen ones were.
 */
export function carryOn({ alpha, colour, own, weight, opacity, width, height }: SeenLayer): Float32Array[] {
  const blurred = (data: Float32Array, sigma: number): Float32Array => blur({ width, height, data }, sigma);
  const seen = weight.map((value) => value / Math.max(MIN_OPACITY, opacity));
  const trust = seen.map((value) => clamp(4 * (value - 0.5)));
  const total = trust.reduce((sum, value) => sum + value, 0);
  const [near, far] = [blurred(trust, NEAR_SIGMA), blurred(trust, FAR_SIGMA)];
  return colour.map((plane, c) => {
    const trustedChange = plane.map((value, i) => (value - own[c][i]) * trust[i]);
    const meanChange = trustedChange.reduce((sum, value) => sum + value, 0) / (total + 1);
    const colours = blurred(
      plane.map((value, i) => value * trust[i]),
      NEAR_SIGMA,
    );
    const change = blurred(trustedChange, FAR_SIGMA);
    return plane.map((value, i) => {
      const moved = own[c][i] + mix(meanChange, change[i] / (far[i] + TINY), 3 * far[i]);
      const hidden = mix(moved, colours[i] / (near[i] + TINY), 3 * near[i]);
      const through = weight[i] / Math.max(MIN_WEIGHT, opacity * alpha[i]);
      const share = Math.min(OPEN_SLOPE * (seen[i] - OPEN_FROM), CLEAR_SLOPE * (through - CLEAR_FROM));
      return clamp(mix(hidden, value, share));
    });
  });
}

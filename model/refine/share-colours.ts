import { forEachColumn } from './columns.ts';
import { blur } from './neighbourhood.ts';
import type { SeenLayer } from './seen-layer.ts';

/** Reach in pixels of the colours that are seen: a hidden pixel this near takes their mean. */
const NEAR = 6;
/** Reach of their change: from here on the network's colour stays, moved as far as the seen ones nearby moved. */
const FAR = 16;

/**
 * How much of a layer must be seen before it takes its colour from the picture, and how fast it does so beyond that. From less, the
 * picture comes out more exactly, but the background shows a speck wherever an edge is a little off.
 */
const OPEN_FROM = 0.25;
const OPEN_SLOPE = 2;

const TINY = 1e-6;
const clamp = (value: number): number => (value < 0 ? 0 : value > 1 ? 1 : value);

/** From a to b, `share` clamped to 0 ... 1. */
const mix = (a: number, b: number, share: number): number => a + clamp(share) * (b - a);

/**
 * The straight colours of every layer, three planes each, once alphas are settled. What the layers over each other still lack of
 * the picture is shared among them by the square of how much of each is seen, so that the picture comes out again; where a layer
 * is hidden, its seen surroundings are carried on. Sets `weight`.
 *
 * @param picture premultiplied RGBA, [height, width, 4]
 */
export function shareColours(
  layers: readonly SeenLayer[],
  picture: Float32Array,
  width: number,
  height: number,
): Float32Array[][] {
  shareRemainder(layers, picture, width, height);
  return layers.map(carryOn);
}

/** Puts the colours that give the picture into `colour`, in place. */
function shareRemainder(layers: readonly SeenLayer[], picture: Float32Array, width: number, height: number): void {
  const rest = new Float64Array(3);
  forEachColumn(layers, width, height, ({ layers: cover, at }, pixel) => {
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

/** `colour` where the layer is seen; where it is hidden, the seen colours nearby, and farther off the network's with their change. */
function carryOn({ colour, own, weight, width, height }: SeenLayer): Float32Array[] {
  const blurred = (data: Float32Array, sigma: number): Float32Array => blur({ width, height, data }, sigma);
  const trust = weight.map((value) => clamp(4 * (value - 0.5)));
  const total = trust.reduce((sum, value) => sum + value, 0);
  const [near, far] = [blurred(trust, NEAR), blurred(trust, FAR)];
  return colour.map((plane, c) => {
    const trustedChange = plane.map((value, i) => (value - own[c][i]) * trust[i]);
    const meanChange = trustedChange.reduce((sum, value) => sum + value, 0) / (total + 1);
    const seen = blurred(
      plane.map((value, i) => value * trust[i]),
      NEAR,
    );
    const change = blurred(trustedChange, FAR);
    return plane.map((value, i) => {
      const moved = own[c][i] + mix(meanChange, change[i] / (far[i] + TINY), 3 * far[i]);
      const hidden = mix(moved, seen[i] / (near[i] + TINY), 3 * near[i]);
      return clamp(mix(hidden, value, OPEN_SLOPE * (weight[i] - OPEN_FROM)));
    });
  });
}

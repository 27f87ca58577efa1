import { forEachColumn, type Band } from './columns.ts';
import type { SeenLayer } from './seen-layer.ts';

/** Standard deviation of what a pixel differs from its layers over each other, by their colours' being inexact. */
const PICTURE_SIGMA = 0.06;
/** Over a pixel's layers; more change nothing. */
const SWEEPS = 3;

/**
 * Moves the alphas of a band of rows to where the layers over each other give the picture: for each pixel the maximum a posteriori of
 * C = sum of w_i (F_i, 1), w_i = o_i alpha_i product over the layers above of (1 - o_j alpha_j), with a normal prior on each alpha
 * (the network's, `variance`) and on the remainder (PICTURE_SIGMA). One layer after the other, top first: C is linear in each
 * alpha, so each has a closed form.
 *
 * @param picture premultiplied RGBA, [height, width, 4]
 */
export function solveAlphas(layers: readonly SeenLayer[], picture: Float32Array, band: Band): void {
  const noise = PICTURE_SIGMA * PICTURE_SIGMA;
  const below = new Float64Array(4 * (layers.length + 1));
  const rest = new Float64Array(4); // the picture without what the layers above add
  forEachColumn(layers, band, ({ layers: cover, at }, pixel) => {
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      stackUp(cover, at, below);
      for (let c = 0; c < 4; c++) rest[c] = picture[4 * pixel + c];
      let through = 1; // what the layers above let through
      for (let i = cover.length - 1; i >= 0; i--) {
        const { colour, opacity, prior, variance, alpha } = cover[i];
        const p = at[i];
        const scale = through * opacity;
        let along = 0;
        let length = 0;
        for (let c = 0; c < 4; c++) {
          const under = below[4 * i + c];
          const step = scale * ((c < 3 ? colour[c][p] : 1) - under);
          along += step * (rest[c] - through * under);
          length += step * step;
        }
        const v = variance[p];
        const found = Math.min(1, Math.max(0, (prior[p] * noise + v * along) / (noise + v * length)));
        alpha[p] = found;
        for (let c = 0; c < 3; c++) rest[c] -= scale * found * colour[c][p];
        rest[3] -= scale * found;
        through *= 1 - opacity * found;
      }
    }
  });
}

/** below[4 i ...]: layers 0 ... i - 1 of a pixel over each other, premultiplied. */
function stackUp(cover: readonly SeenLayer[], at: Int32Array, below: Float64Array): void {
  below.fill(0, 0, 4);
  for (let i = 0; i < cover.length; i++) {
    const { colour, opacity, alpha } = cover[i];
    const p = at[i];
    const a = opacity * alpha[p];
    for (let c = 0; c < 3; c++) below[4 * i + 4 + c] = a * colour[c][p] + (1 - a) * below[4 * i + c];
    below[4 * i + 7] = a + (1 - a) * below[4 * i + 3];
  }
}

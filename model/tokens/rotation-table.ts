import { ShapeError } from '../../runtime/errors.ts';

/** Cosines and sines of every token's rotary angles. */
export interface RotationTable {
  /** [N, sum(axesDims) / 2] row-major, f32; columns frame | height | width. */
  readonly cos: Float32Array<ArrayBuffer>;
  readonly sin: Float32Array<ArrayBuffer>;
  /** Columns: sum(axesDims) / 2. */
  readonly numAngles: number;
}

/**
 * The rotary table of explicit positions (qwen-image.md 1.7). Column k of an axis of m dimensions has the angle
 * `position * theta^(-2k/m)` and rotates the adjacent pair (2k, 2k + 1) of a head.
 *
 * Every operation rounds to f32 the way the reference's does (theta^(2k/m), its inverse, the product with the position);
 * cosine and sine of that f32 angle are f64, rounded once. At position 1000 an f32 angle is off by 4e-5 rad, which the
 * weights were trained with: more exact tables agree with them less.
 *
 * @param positions [N, axes] row-major integers
 * @param axesDims even dimensions per axis, e.g. [16, 56, 56]; their sum is the head size
 * @param theta base of the frequencies, 10000 in every published checkpoint
 * @throws ShapeError if an axis is odd or not positive, or `positions` is no multiple of the axes
 */
export function rotationTable(positions: Int32Array, axesDims: readonly number[], theta: number): RotationTable {
  const axes = axesDims.length;
  if (axes === 0 || axesDims.some((dim) => !Number.isInteger(dim) || dim < 2 || dim % 2 !== 0)) {
    throw new ShapeError(
      `rotation_table: axes are positive even dimensions, got [${axesDims.join(', ')}] (axes_dims_rope). Correct the config.`,
    );
  }
  if (positions.length % axes !== 0) {
    throw new ShapeError(
      `rotation_table: positions must be [N, ${axes}], got ${positions.length} numbers. Give one per axis and token.`,
    );
  }
  const numTokens = positions.length / axes;
  const numAngles = axesDims.reduce((sum, dim) => sum + dim / 2, 0);
  const cos = new Float32Array(numTokens * numAngles);
  const sin = new Float32Array(numTokens * numAngles);
  let column = 0;
  for (const [axis, dim] of axesDims.entries()) {
    const half = dim / 2;
    const frequencies = Float32Array.from(
      { length: half },
      (_, k) => 1 / Math.fround(theta ** Math.fround((2 * k) / dim)),
    );
    // Rows, columns and layers repeat: a position's row is computed at its first token and copied from there.
    const firstAt = new Map<number, number>();
    for (let token = 0; token < numTokens; token++) {
      const position = positions[token * axes + axis];
      const at = token * numAngles + column;
      const known = firstAt.get(position);
      if (known !== undefined) {
        cos.copyWithin(at, known, known + half);
        sin.copyWithin(at, known, known + half);
        continue;
      }
      firstAt.set(position, at);
      for (let k = 0; k < half; k++) {
        const angle = Math.fround(position * frequencies[k]);
        cos[at + k] = Math.cos(angle);
        sin[at + k] = Math.sin(angle);
      }
    }
    column += half;
  }
  return { cos, sin, numAngles };
}

/** Positions of text tokens: token j at `textStart + j` on all three axes, [count, 3]. */
export function textPositions(textStart: number, count: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: 3 * count }, (_, i) => textStart + Math.floor(i / 3));
}

import { ShapeError } from '../../runtime/errors.ts';
import { PATCH_SIDE } from './grid.ts';

/** Frames of latents: B samples of F pictures of `channels` x h x w. */
export interface LatentShape {
  readonly batch: number;
  readonly frames: number;
  readonly channels: number;
  /** Even. */
  readonly height: number;
  /** Even. */
  readonly width: number;
}

/**
 * Folds 2 x 2 latent pixels into tokens, exactly: token order frame, row, column; value order `c * 4 + dy * 2 + dx`.
 *
 * @param latents [B, F, C, h, w] row-major
 * @returns [B, F * h/2 * w/2, 4C]
 * @throws ShapeError for odd sides or a length that is not the shape's
 */
export function packLatents(latents: Float32Array, shape: LatentShape): Float32Array<ArrayBuffer> {
  checkLatents('pack_latents', latents, shape);
  const out = new Float32Array(latents.length);
  const size = shape.channels * shape.height * shape.width;
  for (let at = 0; at < latents.length; at += size) packInto(out, at, latents, at, shape);
  return out;
}

/**
 * The inverse of {@link packLatents}.
 *
 * @param tokens [B, F * h/2 * w/2, 4C] row-major
 * @param shape of the result
 * @returns [B, F, C, h, w]
 * @throws ShapeError as packLatents
 */
export function unpackLatents(tokens: Float32Array, shape: LatentShape): Float32Array<ArrayBuffer> {
  checkLatents('unpack_latents', tokens, shape);
  const out = new Float32Array(tokens.length);
  const size = shape.channels * shape.height * shape.width;
  for (let at = 0; at < tokens.length; at += size) unpackInto(out, at, tokens, at, shape);
  return out;
}

type PictureShape = Pick<LatentShape, 'channels' | 'height' | 'width'>;

/** Packs one picture [C, h, w] at `from` into tokens at `to`. Trusts its arguments. */
export function packInto(
  tokens: Float32Array,
  to: number,
  latents: Float32Array,
  from: number,
  shape: PictureShape,
): void {
  forEachPair(shape, (token, latent) => {
    tokens[to + token] = latents[from + latent];
  });
}

/** The inverse of {@link packInto}: tokens at `from` into a picture [C, h, w] at `to`. */
export function unpackInto(
  latents: Float32Array,
  to: number,
  tokens: Float32Array,
  from: number,
  shape: PictureShape,
): void {
  forEachPair(shape, (token, latent) => {
    latents[to + latent] = tokens[from + token];
  });
}

/** Visits every latent value once: its offset among the picture's tokens and its offset in the picture. */
function forEachPair({ channels, height, width }: PictureShape, visit: (token: number, latent: number) => void): void {
  const columns = width / PATCH_SIDE;
  const depth = channels * PATCH_SIDE * PATCH_SIDE;
  let latent = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = (y >> 1) * columns;
      const inPatch = c * 4 + (y & 1) * 2;
      for (let x = 0; x < width; x++) visit((row + (x >> 1)) * depth + inPatch + (x & 1), latent++);
    }
  }
}

function checkLatents(op: string, values: Float32Array, shape: LatentShape): void {
  const { batch, frames, channels, height, width } = shape;
  const text = `[${batch}, ${frames}, ${channels}, ${height}, ${width}]`;
  if (height % PATCH_SIDE !== 0 || width % PATCH_SIDE !== 0) {
    throw new ShapeError(
      `${op}: latent sides must be even, got ${text}. Pictures have sides that are multiples of 16 px.`,
    );
  }
  if (values.length !== batch * frames * channels * height * width) {
    throw new ShapeError(
      `${op}: needs the ${batch * frames * channels * height * width} values of ${text}, got ${values.length}. Check the shape.`,
    );
  }
}

import { ShapeError } from '../../runtime/errors.ts';

/*
 * Structural similarity (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 13(4), 2004) with their Gaussian window, as
 * scikit-image 0.26 computes it: structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
 * data_range=1). Borders are mirrored with the edge pixel doubled.
 */

const SIGMA = 1.5;
/** scikit-image cuts the window at 3.5 sigma. */
const RADIUS = 5;
const SIDE = 2 * RADIUS + 1;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/** Size of the pictures to compare. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * SSIM around every pixel, mean over channels: [height, width].
 *
 * @param a, b pictures [height, width, channels] with values in 0..1
 * @throws ShapeError if a picture does not fill its size, or a side is shorter than the window of 11 pixels
 */
export function ssimMap(a: Float32Array, b: Float32Array, size: PictureSize): Float64Array<ArrayBuffer> {
  const { width, height, channels } = size;
  if (a.length !== width * height * channels || b.length !== a.length)
    throw new ShapeError(
      `ssim: pictures must be [${height}, ${width}, ${channels}], got ${a.length} and ${b.length} values.`,
    );
  if (width < SIDE || height < SIDE)
    throw new ShapeError(`ssim: sides must be at least ${SIDE} pixels, got ${width} x ${height}.`);
  const pixels = width * height;
  const map = new Float64Array(pixels);
  const planes = Array.from({ length: 5 }, () => new Float64Array(pixels));
  const [x, y, xx, yy, xy] = planes;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) {
      const p = a[i * channels + c];
      const q = b[i * channels + c];
      x[i] = p;
      y[i] = q;
      xx[i] = p * p;
      yy[i] = q * q;
      xy[i] = p * q;
    }
    for (const plane of planes) blur(plane, width, height);
    for (let i = 0; i < pixels; i++) {
      const mx = x[i];
      const my = y[i];
      const varX = xx[i] - mx * mx;
      const varY = yy[i] - my * my;
      const covariance = xy[i] - mx * my;
      const top = (2 * mx * my + C1) * (2 * covariance + C2);
      map[i] += top / ((mx * mx + my * my + C1) * (varX + varY + C2)) / channels;
    }
  }
  return map;
}

/** Mean SSIM without the border of half a window, as scikit-image reports it. */
export function ssim(a: Float32Array, b: Float32Array, size: PictureSize): number {
  const map = ssimMap(a, b, size);
  let sum = 0;
  for (let y = RADIUS; y < size.height - RADIUS; y++)
    for (let x = RADIUS; x < size.width - RADIUS; x++) sum += map[y * size.width + x];
  return sum / ((size.height - 2 * RADIUS) * (size.width - 2 * RADIUS));
}

/** Mean of a map over the pixels of a mask (0 or 1); undefined for none. */
export function meanOver(map: Float64Array, mask: Uint8Array): number | undefined {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < map.length; i++) {
    if (mask[i] === 0) continue;
    sum += map[i];
    count++;
  }
  return count === 0 ? undefined : sum / count;
}

/** Gaussian blur in place. */
function blur(plane: Float64Array, width: number, height: number): void {
  const weights = gaussian();
  const line = new Float64Array(Math.max(width, height));
  for (let y = 0; y < height; y++) blurLine(plane, y * width, 1, width, weights, line);
  for (let x = 0; x < width; x++) blurLine(plane, x, width, height, weights, line);
}

function blurLine(
  plane: Float64Array,
  start: number,
  step: number,
  length: number,
  weights: Float64Array,
  line: Float64Array,
): void {
  for (let i = 0; i < length; i++) line[i] = plane[start + i * step];
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let k = -RADIUS; k <= RADIUS; k++) {
      const at = i + k;
      const mirrored = at < 0 ? -at - 1 : at >= length ? 2 * length - at - 1 : at;
      sum += weights[k + RADIUS] * line[mirrored];
    }
    plane[start + i * step] = sum;
  }
}

function gaussian(): Float64Array {
  const weights = Float64Array.from({ length: SIDE }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA * SIGMA)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

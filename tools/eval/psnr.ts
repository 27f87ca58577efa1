import { ShapeError } from '../../runtime/errors.ts';

/** PSNR is cut here, so that an exact copy of a plain area does not outweigh everything else in a mean. */
export const PSNR_CAP = 50;

/** Squared error summed over pixels (mean over channels), and the number of pixels. */
export interface SquaredError {
  readonly sum: number;
  readonly count: number;
}

/**
 * Squared error of two pictures [pixels, channels] with values in 0..1.
 *
 * @param mask 0 or 1 for each pixel; all pixels where absent
 * @throws ShapeError if the lengths disagree
 */
export function squaredError(a: Float32Array, b: Float32Array, channels: number, mask?: Uint8Array): SquaredError {
  const pixels = a.length / channels;
  if (a.length !== b.length || !Number.isInteger(pixels) || (mask && mask.length !== pixels))
    throw new ShapeError(
      `psnr: pictures must be [pixels, ${channels}] alike and the mask [pixels], got ${a.length}, ${b.length} and ${mask?.length ?? 'no mask'}.`,
    );
  let sum = 0;
  let count = 0;
  for (let i = 0; i < pixels; i++) {
    if (mask && mask[i] === 0) continue;
    for (let c = i * channels; c < (i + 1) * channels; c++) sum += (a[c] - b[c]) ** 2;
    count++;
  }
  return { sum: sum / channels, count };
}

/** Peak signal-to-noise ratio in dB for peak 1, at most {@link PSNR_CAP}; undefined for no pixels. */
export function psnrOf({ sum, count }: SquaredError): number | undefined {
  if (count === 0) return undefined;
  return sum <= 0 ? PSNR_CAP : Math.min(PSNR_CAP, -10 * Math.log10(sum / count));
}

/** PSNR in dB of two pictures [pixels, channels] in 0..1, over a mask where one is given; undefined for no pixels. */
export function psnr(a: Float32Array, b: Float32Array, channels: number, mask?: Uint8Array): number | undefined {
  return psnrOf(squaredError(a, b, channels, mask));
}

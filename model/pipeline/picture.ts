import { ImageError } from '../../runtime/errors.ts';
import { premultiplyBytes } from '../layout/composite.ts';

/** A picture in host memory: straight-alpha RGBA bytes, [height, width, 4], top row first. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Fetches the pixels that a design names. Nothing else may be opened for a uri. */
export type PictureLoader = (uri: string, signal?: AbortSignal) => Promise<Picture>;

/** @throws ImageError `size` if the bytes do not fill the picture */
export function checkPicture(picture: Picture, name: string): Picture {
  const { width, height, data } = picture;
  if (
    !Number.isInteger(width) ||
    !Number.isInteger(height) ||
    width < 1 ||
    height < 1 ||
    data.length !== 4 * width * height
  )
    throw new ImageError(
      `${name}: must be RGBA bytes [height, width, 4], got ${data.length} bytes for ${width} x ${height}.`,
      { rule: 'size', path: name },
    );
  return picture;
}

/** Straight RGBA floats in 0..1, [height, width, 4]: value / 255. */
export function straightFloats(picture: Picture): Float32Array {
  return Float32Array.from(picture.data, (value) => value / 255);
}

/** The picture as straight floats at another size: Lanczos-3 on premultiplied values, with antialiasing when shrinking. */
export function resizeStraight(picture: Picture, width: number, height: number): Float32Array {
  if (picture.width === width && picture.height === height) return straightFloats(picture);
  return straighten(resizePremultiplied(premultiplyBytes(picture.data), picture.width, picture.height, width, height));
}

/** Premultiplied floats [h, w, 4] at another size. */
export function resizePremultiplied(
  pixels: Float32Array,
  width: number,
  height: number,
  newWidth: number,
  newHeight: number,
): Float32Array {
  const wide = resample(
    pixels,
    width,
    height,
    newWidth,
    { step: 4, rowStep: 4 * width },
    { step: 4, rowStep: 4 * newWidth },
  );
  return resample(
    wide,
    height,
    newWidth,
    newHeight,
    { step: 4 * newWidth, rowStep: 4 },
    { step: 4 * newWidth, rowStep: 4 },
  );
}

interface Layout {
  /** Elements from a sample to the next along the axis, and from a line to the next. */
  readonly step: number;
  readonly rowStep: number;
}

/** Resamples `lines` lines of `size` RGBA samples to `newSize` samples each. */
function resample(
  source: Float32Array,
  size: number,
  lines: number,
  newSize: number,
  from: Layout,
  to: Layout,
): Float32Array {
  const out = new Float32Array(4 * lines * newSize);
  const scale = size / newSize;
  const support = 3 * Math.max(scale, 1); // a wider kernel when shrinking: every source sample counts
  for (let i = 0; i < newSize; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support));
    const last = Math.min(size, Math.ceil(centre + support));
    const weights: number[] = [];
    let total = 0;
    for (let s = first; s < last; s++) {
      const weight = lanczos((s + 0.5 - centre) / Math.max(scale, 1));
      weights.push(weight);
      total += weight;
    }
    for (let line = 0; line < lines; line++) {
      const at = line * to.rowStep + i * to.step;
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (let s = first; s < last; s++) sum += weights[s - first] * source[line * from.rowStep + s * from.step + c];
        out[at + c] = Math.min(1, Math.max(0, sum / total)); // the kernel's negative lobes overshoot at edges
      }
    }
  }
  return out;
}

function lanczos(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= 3) return 0;
  const a = Math.PI * x;
  return (3 * Math.sin(a) * Math.sin(a / 3)) / (a * a);
}

function straighten(pixels: Float32Array): Float32Array {
  const out = new Float32Array(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3];
    out[at + 3] = alpha;
    if (alpha > 0) for (let c = at; c < at + 3; c++) out[c] = Math.min(1, pixels[c] / alpha);
  }
  return out;
}

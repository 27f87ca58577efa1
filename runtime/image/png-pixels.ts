import { ImageError } from '../errors.ts';
import type { PngColor, PngParts } from './png-chunks.ts';

const CHANNELS: Readonly<Record<PngColor, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** A grid of pixels that is filtered on its own: the picture, or one of the seven of Adam7. */
interface Pass {
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
  /** Bytes of a row without the filter byte. */
  readonly rowBytes: number;
}

/** Adam7 (PNG 3rd edition, section 8): first pixel and step of each pass. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function passes({ width, height, depth, color, isInterlaced }: PngParts): Pass[] {
  const grids = isInterlaced ? ADAM7 : ([[0, 0, 1, 1]] as const);
  return grids
    .map(([x0, y0, dx, dy]) => {
      const w = Math.max(0, Math.ceil((width - x0) / dx));
      const h = Math.max(0, Math.ceil((height - y0) / dy));
      return { x0, y0, dx, dy, width: w, height: h, rowBytes: Math.ceil((w * CHANNELS[color] * depth) / 8) };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/** Bytes that the zlib stream must inflate to. */
export function pngDataBytes(parts: PngParts): number {
  return passes(parts).reduce((sum, pass) => sum + (pass.rowBytes + 1) * pass.height, 0);
}

/**
 * Turns inflated data into RGBA8, straight alpha. 16-bit samples are rounded to 8 bits.
 * @param data Exactly `pngDataBytes` bytes; filters are undone in place.
 * @throws ImageError `png-filter`, or `png-palette` for an index beyond the palette.
 */
export function pngPixels(parts: PngParts, data: Uint8Array, path: string): Uint8Array {
  const { width, height, depth, color } = parts;
  const channels = CHANNELS[color];
  const pixels = new Uint8Array(width * height * 4);
  const pixelBytes = Math.max(1, (channels * depth) / 8);
  let at = 0;
  for (const pass of passes(parts)) {
    const samples = new Uint16Array(pass.width * channels);
    let above: Uint8Array = new Uint8Array(pass.rowBytes);
    for (let y = 0; y < pass.height; y++) {
      const filter = data[at] as number;
      const row = data.subarray(at + 1, at + 1 + pass.rowBytes);
      at += 1 + pass.rowBytes;
      if (filter > 4)
        throw new ImageError(`${path}: a row's filter must be 0..4, got ${filter}.`, { rule: 'png-filter', path });
      unfilter(filter, row, above, pixelBytes);
      above = row;
      const target = (pass.y0 + y * pass.dy) * width + pass.x0;
      if (color === 6 && depth === 8 && pass.dx === 1) pixels.set(row, target * 4);
      else {
        unpack(row, depth, samples);
        paint(parts, samples, pixels, target, pass.dx, path);
      }
    }
  }
  return pixels;
}

/** Undoes a row's filter in place (PNG 3rd edition, section 9). `above` is the row before it, already undone, or zeros. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  switch (filter) {
    case 1:
      for (let i = pixelBytes; i < row.length; i++) row[i] = (row[i] as number) + (row[i - pixelBytes] as number);
      return;
    case 2:
      for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) + (above[i] as number);
      return;
    case 3:
      for (let i = 0; i < row.length; i++) {
        const left = i >= pixelBytes ? (row[i - pixelBytes] as number) : 0;
        row[i] = (row[i] as number) + ((left + (above[i] as number)) >> 1);
      }
      return;
    case 4:
      for (let i = 0; i < row.length; i++) {
        const left = i >= pixelBytes ? (row[i - pixelBytes] as number) : 0;
        const aboveLeft = i >= pixelBytes ? (above[i - pixelBytes] as number) : 0;
        row[i] = (row[i] as number) + paeth(left, above[i] as number, aboveLeft);
      }
      return;
    default:
  }
}

/** The one of left, above and upper left that is nearest to left + above - upper left; ties in that order. */
export function paeth(left: number, above: number, aboveLeft: number): number {
  const dLeft = Math.abs(above - aboveLeft);
  const dAbove = Math.abs(left - aboveLeft);
  const dAboveLeft = Math.abs(left + above - 2 * aboveLeft);
  if (dLeft <= dAbove && dLeft <= dAboveLeft) return left;
  return dAbove <= dAboveLeft ? above : aboveLeft;
}

/** Splits a row into samples of `depth` bits, most significant first. */
function unpack(row: Uint8Array, depth: number, samples: Uint16Array): void {
  if (depth === 8) samples.set(row);
  else if (depth === 16)
    for (let i = 0; i < samples.length; i++) samples[i] = ((row[2 * i] as number) << 8) | (row[2 * i + 1] as number);
  else {
    const mask = 2 ** depth - 1;
    for (let i = 0; i < samples.length; i++) {
      const bit = i * depth;
      samples[i] = ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & mask;
    }
  }
}

/** Writes a row's samples as RGBA, from pixel `target` on, every `step` pixels. */
function paint(
  parts: PngParts,
  samples: Uint16Array,
  pixels: Uint8Array,
  target: number,
  step: number,
  path: string,
): void {
  if (parts.color === 3) paintPalette(parts, samples, pixels, target, step, path);
  else paintDirect(parts, samples, pixels, target, step);
}

function paintPalette(
  { palette = new Uint8Array(), transparency }: PngParts,
  samples: Uint16Array,
  pixels: Uint8Array,
  target: number,
  step: number,
  path: string,
): void {
  for (let x = 0, out = target * 4; x < samples.length; x++, out += step * 4) {
    const index = samples[x] as number;
    if (index * 3 >= palette.length)
      throw new ImageError(`${path}: colour ${index} is not in the palette of ${palette.length / 3}.`, {
        rule: 'png-palette',
        path,
      });
    pixels.set(palette.subarray(index * 3, index * 3 + 3), out);
    pixels[out + 3] = transparency?.[index] ?? 255;
  }
}

function paintDirect(
  { depth, color, transparency }: PngParts,
  samples: Uint16Array,
  pixels: Uint8Array,
  target: number,
  step: number,
): void {
  const channels = CHANNELS[color];
  const isGrey = color === 0 || color === 4;
  const hasAlpha = color === 4 || color === 6;
  const top = 2 ** depth - 1;
  const to8 = (sample: number | undefined): number => Math.floor(((sample ?? 0) * 255 + (top >> 1)) / top);
  const colors = isGrey ? 1 : 3;
  const key = transparency && Array.from({ length: colors }, (_, i) => word(transparency, i));
  for (let at = 0, out = target * 4; at < samples.length; at += channels, out += step * 4) {
    for (let c = 0; c < 3; c++) pixels[out + c] = to8(samples[isGrey ? at : at + c]);
    if (hasAlpha) pixels[out + 3] = to8(samples[at + colors]);
    else pixels[out + 3] = key?.every((value, c) => value === samples[at + c]) ? 0 : 255;
  }
}

function word(bytes: Uint8Array, i: number): number {
  return ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number);
}

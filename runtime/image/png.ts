import { zlibSync } from 'fflate';
import { ImageError, UsageError } from '../errors.ts';
import { GrowingBuffer } from '../io/growing-buffer.ts';
import { adler32, crc32, DeflateRegion } from '../io/inflate.ts';
import { readPngChunks } from './png-chunks.ts';
import type { PngLimits, PngParts } from './png-chunks.ts';
import { paeth, pngDataBytes, pngPixels } from './png-pixels.ts';
import type { RgbaImage } from './rgba-image.ts';

/** Limits of `readPng` where the caller gives none. */
export const PNG_LIMITS: PngLimits = { maxSide: 8192, maxPixels: 16_777_216 };

/**
 * Decodes a PNG picture of an untrusted source: all colour types and depths, interlaced or not. Gamma and colour
 * profiles are ignored, colours under alpha 0 are kept.
 *
 * Strict, because general decoders are not: they take wrong checksums, data that are too long, polyglot tails, or spend
 * gigabytes on a small file before they look at the size. Rules: `test/golden/files.md` section 7.
 * @param path What messages call the picture.
 * @throws ImageError with the broken rule.
 */
export function readPng(bytes: Uint8Array, path = 'picture', limits: PngLimits = PNG_LIMITS): RgbaImage {
  const parts = readPngChunks(bytes, path, limits);
  const data = inflate(parts, path);
  return { width: parts.width, height: parts.height, data: pngPixels(parts, data, path) };
}

/** Inflates the zlib stream (RFC 1950) of the IDAT chunks to exactly the bytes that the picture needs. */
function inflate(parts: PngParts, path: string): Uint8Array {
  const refuse = (rule: string, what: string): never => {
    throw new ImageError(`${path}: ${what}. Export the picture again.`, { rule, path });
  };
  const total = parts.data.reduce((sum, piece) => sum + piece.length, 0);
  const head = gather(parts.data, 0, 2);
  const [method = 0, flags = 0] = head;
  if (
    total < 6 ||
    (method & 0x0f) !== 8 ||
    method >> 4 > 7 ||
    (method * 256 + flags) % 31 !== 0 ||
    (flags & 0x20) !== 0
  )
    refuse('png-inflate', 'the pixel data are no zlib stream without a dictionary');
  const need = pngDataBytes(parts);
  const output = new GrowingBuffer();
  const region = new DeflateRegion((chunk) => output.append(chunk), need);
  let at = 0;
  for (const piece of parts.data) {
    const isGoingOn = region.push(piece.subarray(Math.max(0, 2 - at), Math.max(0, total - 4 - at)));
    if (!isGoingOn) break;
    at += piece.length;
  }
  const end = region.finish();
  const tooShort = `the pixel data inflate to ${region.outBytes} bytes, ${need} are needed`;
  const tooLong = `the pixel data have more than the ${need} bytes that are needed`;
  if (end === 'limit') return refuse('png-data-long', tooLong);
  if (end === 'open' || end === 'broken') return refuse('png-inflate', 'the pixel data cannot be inflated');
  if (end === 'early')
    return region.outBytes < need ? refuse('png-data-short', tooShort) : refuse('png-data-long', tooLong);
  const data = output.bytes();
  const trailer = gather(parts.data, total - 4, 4);
  if (new DataView(trailer.buffer).getUint32(0) !== adler32(data))
    return refuse('png-inflate', 'the checksum of the pixel data is wrong');
  return data.length < need ? refuse('png-data-short', tooShort) : data;
}

/** `length` bytes from `begin` on, of pieces that belong together. Bytes beyond the end are 0. */
function gather(pieces: readonly Uint8Array[], begin: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    for (let i = Math.max(begin, at); i < Math.min(begin + length, at + piece.length); i++)
      out[i - begin] = piece[i - at] as number;
    at += piece.length;
  }
  return out;
}

/**
 * Encodes RGBA8 with straight alpha as a PNG (colour type 6, 8 bits); colours under alpha 0 are kept. The same picture
 * gives the same bytes.
 * @throws UsageError where the data are not width x height x 4 bytes.
 */
export function writePng({ width, height, data }: RgbaImage): Uint8Array {
  if (
    !Number.isInteger(width) ||
    !Number.isInteger(height) ||
    width < 1 ||
    height < 1 ||
    width >= 2 ** 31 ||
    height >= 2 ** 31
  )
    throw new UsageError(`writePng: a picture must have whole, positive sides, got ${width} x ${height}.`);
  if (data.length !== width * height * 4)
    throw new UsageError(`writePng: ${width} x ${height} RGBA takes ${width * height * 4} bytes, got ${data.length}.`);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 6, 0, 0, 0], 8);
  const pieces = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(filterRows(data, width * 4, height), { level: 6 })),
    chunk('IEND', new Uint8Array()),
  ];
  const output = new GrowingBuffer();
  for (const piece of pieces) output.append(piece);
  return output.bytes().slice();
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}

/** Filters each row with whichever filter leaves the smallest sum of absolute differences (PNG 3rd edition, 12.7). */
function filterRows(data: Uint8Array, rowBytes: number, height: number): Uint8Array {
  const out = new Uint8Array((rowBytes + 1) * height);
  const tries = Array.from({ length: 5 }, () => new Uint8Array(rowBytes));
  let above: Uint8Array = new Uint8Array(rowBytes);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    let best = 0;
    let bestSum = Infinity;
    for (const [filter, filtered] of tries.entries()) {
      const sum = filterRow(filter, row, above, filtered);
      if (sum < bestSum) [best, bestSum] = [filter, sum];
    }
    out[y * (rowBytes + 1)] = best;
    out.set(tries[best] ?? row, y * (rowBytes + 1) + 1);
    above = row;
  }
  return out;
}

/** Writes the filtered row and returns its sum of absolute values, bytes read as signed. */
function filterRow(filter: number, row: Uint8Array, above: Uint8Array, out: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    const left = i >= 4 ? (row[i - 4] as number) : 0;
    const up = above[i] as number;
    let guess = 0;
    if (filter === 1) guess = left;
    else if (filter === 2) guess = up;
    else if (filter === 3) guess = (left + up) >> 1;
    else if (filter === 4) guess = paeth(left, up, i >= 4 ? (above[i - 4] as number) : 0);
    const byte = ((row[i] as number) - guess) & 0xff;
    out[i] = byte;
    sum += byte < 128 ? byte : 256 - byte;
  }
  return sum;
}

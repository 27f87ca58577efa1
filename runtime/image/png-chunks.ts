import { ImageError } from '../errors.ts';
import { crc32 } from '../io/inflate.ts';

/** Largest pictures that are read. */
export interface PngLimits {
  /** Pixels of a side. */
  readonly maxSide: number;
  /** Pixels in all. */
  readonly maxPixels: number;
}

/** What a PNG file says about its picture, validated; the pixels are still compressed. */
export interface PngParts {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  readonly color: PngColor;
  readonly isInterlaced: boolean;
  /** RGB triples of colour type 3. */
  readonly palette: Uint8Array | undefined;
  /** tRNS: alpha of palette entries, or the transparent grey or RGB as 16-bit values. */
  readonly transparency: Uint8Array | undefined;
  /** The zlib stream, in pieces. */
  readonly data: readonly Uint8Array[];
}

/** PNG colour types. */
export type PngColor = 0 | 2 | 3 | 4 | 6;

/** Bit depths of each colour type (PNG 3rd edition, table 12). */
const DEPTHS: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Walks a PNG file's chunks and checks all that can be checked without inflating: order, CRCs, sizes, palette.
 * Ancillary chunks (gamma, profiles, text) are skipped unread. Rules: `test/golden/files.md` section 7.
 * @throws ImageError with the broken rule.
 */
export function readPngChunks(bytes: Uint8Array, path: string, limits: PngLimits): PngParts {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte))
    throw new ImageError(`${path}: is not a PNG file. Convert the picture to PNG.`, { rule: 'not-png', path });
  const walker = new Walker(path, limits);
  let at = 8;
  for (let isDone = false; !isDone;) {
    const { type, body, end } = chunkAt(bytes, at, path);
    isDone = walker.take(type, body);
    at = end;
  }
  if (at !== bytes.length)
    throw new ImageError(`${path}: ${bytes.length - at} bytes follow the end of the picture.`, {
      rule: 'png-trailing',
      path,
    });
  return walker.parts();
}

function chunkAt(bytes: Uint8Array, at: number, path: string): { type: string; body: Uint8Array; end: number } {
  const truncated = (): never => {
    throw new ImageError(`${path}: the file is cut off after ${bytes.length} bytes. Fetch it again.`, {
      rule: 'png-truncated',
      path,
    });
  };
  if (at + 8 > bytes.length) return truncated();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(at);
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
  if (length >= 2 ** 31 || !/^[A-Za-z]{4}$/.test(type))
    throw new ImageError(
      `${path}: a chunk must have four letters and fewer than 2^31 bytes, got ${JSON.stringify(type)} of ${length}.`,
      { rule: 'png-chunk', path },
    );
  const end = at + 12 + length;
  if (end > bytes.length) return truncated();
  const stored = view.getUint32(end - 4);
  const actual = crc32(bytes.subarray(at + 4, end - 4));
  if (stored !== actual)
    throw new ImageError(`${path}: the CRC of chunk ${type} is wrong. Fetch the file again.`, {
      rule: 'png-crc',
      path,
    });
  return { type, body: bytes.subarray(at + 8, end - 4), end };
}

/** The state of a walk: what has been seen, and what may still come. */
class Walker {
  readonly #path: string;
  readonly #limits: PngLimits;
  #header: Pick<PngParts, 'width' | 'height' | 'depth' | 'color' | 'isInterlaced'> | undefined;
  #palette: Uint8Array | undefined;
  #transparency: Uint8Array | undefined;
  readonly #data: Uint8Array[] = [];
  #dataIsOver = false;

  constructor(path: string, limits: PngLimits) {
    this.#path = path;
    this.#limits = limits;
  }

  /** Takes the next chunk. @returns true for the last one. */
  take(type: string, body: Uint8Array): boolean {
    if ((this.#header === undefined) !== (type === 'IHDR')) this.#refuse('png-ihdr', 'IHDR must come first, and once');
    if (type !== 'IDAT' && this.#data.length > 0) this.#dataIsOver = true;
    switch (type) {
      case 'IHDR':
        this.#takeHeader(body);
        return false;
      case 'PLTE':
        this.#takePalette(body);
        return false;
      case 'tRNS':
        this.#takeTransparency(body);
        return false;
      case 'IDAT':
        if (this.#dataIsOver) this.#refuse('png-order', 'IDAT chunks must follow each other');
        this.#data.push(body);
        return false;
      case 'acTL':
        return this.#refuse('png-animated', 'animated PNG is not read. Export a single frame');
      case 'IEND':
        if (body.length > 0) this.#refuse('png-chunk', `IEND must be empty, got ${body.length} bytes`);
        return true;
      default:
        // a small first letter marks chunks that may be skipped
        if (/^[A-Z]/.test(type)) this.#refuse('png-critical', `chunk ${type} is unknown and critical`);
        return false;
    }
  }

  parts(): PngParts {
    const header = this.#header ?? this.#refuse('png-ihdr', 'IHDR is missing');
    if (this.#data.length === 0) this.#refuse('png-no-data', 'there is no IDAT chunk');
    if (header.color === 3 && this.#palette === undefined) this.#refuse('png-palette', 'PLTE is missing');
    return { ...header, palette: this.#palette, transparency: this.#transparency, data: this.#data };
  }

  #refuse(rule: string, what: string): never {
    throw new ImageError(`${this.#path}: ${what}.`, { rule, path: this.#path });
  }

  #takeHeader(body: Uint8Array): void {
    if (body.length !== 13) this.#refuse('png-ihdr', `IHDR must have 13 bytes, got ${body.length}`);
    const view = new DataView(body.buffer, body.byteOffset, 13);
    const width = view.getUint32(0);
    const height = view.getUint32(4);
    const { maxSide, maxPixels } = this.#limits;
    if (width < 1 || height < 1 || width > maxSide || height > maxSide || width * height > maxPixels)
      this.#refuse(
        'png-size',
        `a picture must have 1..${maxSide} pixels a side and at most ${maxPixels} in all, got ${width} x ${height}`,
      );
    const [depth = 0, color = 0, compression, filter, interlace = 0] = body.subarray(8);
    if (!isPngColor(color) || !DEPTHS.get(color)?.includes(depth))
      return this.#refuse('png-color', `colour type ${color} with ${depth} bits does not exist`);
    if (compression !== 0 || filter !== 0 || interlace > 1)
      this.#refuse('png-method', `methods must be 0 0 0 or 0 0 1, got ${compression} ${filter} ${interlace}`);
    this.#header = { width, height, depth, color, isInterlaced: interlace === 1 };
  }

  #takePalette(body: Uint8Array): void {
    const { color = 0, depth = 8 } = this.#header ?? {};
    if (this.#data.length > 0) this.#refuse('png-order', 'PLTE must come before IDAT');
    if (this.#palette !== undefined) this.#refuse('png-palette', 'PLTE may come once');
    if (color === 0 || color === 4) this.#refuse('png-palette', 'grey pictures have no PLTE');
    const most = color === 3 ? 2 ** depth : 256;
    if (body.length === 0 || body.length % 3 !== 0 || body.length > 3 * most)
      this.#refuse('png-palette', `PLTE must have 1..${most} entries of 3 bytes, got ${body.length} bytes`);
    this.#palette = body;
  }

  #takeTransparency(body: Uint8Array): void {
    const color = this.#header?.color ?? 0;
    if (this.#data.length > 0) this.#refuse('png-order', 'tRNS must come before IDAT');
    // with an alpha channel it says nothing
    if (color === 4 || color === 6) return;
    if (this.#transparency !== undefined) this.#refuse('png-palette', 'tRNS may come once');
    const entries = (this.#palette?.length ?? 0) / 3;
    const isRight = color === 3 ? body.length <= entries : body.length === (color === 0 ? 2 : 6);
    if (!isRight)
      this.#refuse('png-palette', `tRNS has ${body.length} bytes, which does not fit the picture's colours`);
    this.#transparency = body;
  }
}

function isPngColor(color: number): color is PngColor {
  return DEPTHS.has(color);
}

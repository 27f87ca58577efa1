import { Gunzip } from 'fflate';
import { once } from '../once.ts';

/** How a stretch of bytes that should hold exactly one deflate stream turned out. */
export type InflateEnd =
  /** The stream ended with the last byte. */
  | 'exact'
  /** The stream ended before the last byte: something follows it. */
  | 'early'
  /** The bytes ran out before the stream ended. */
  | 'open'
  /** It is no deflate stream. */
  | 'broken'
  /** It inflated to more than `maxBytes`. */
  | 'limit';

/** Deflate shrinks at most about 1032 to 1. */
const MAX_RATIO = 1032;

/** A gzip header without any option: the form in which fflate's streaming `Gunzip` wants deflate data. */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

/**
 * Inflates raw deflate data piece by piece, with a cap on the output, and says where the stream ended.
 *
 * fflate's stream classes do not tell where a stream ends, and silently ignore what follows. `Gunzip` does tell, by
 * `onmember`, when another member follows. So the data are wrapped as a member, and after the last byte come a dummy
 * trailer and the start of a second member: only if the stream ended exactly there is that start recognised. Where the
 * stream ended elsewhere, `Gunzip` looks for the next member at a wrong place and fails with "invalid gzip data".
 *
 * The cap holds within one slice (at most 4 MiB past it): slices shrink as the cap comes near.
 */
export class DeflateRegion {
  readonly #emit: (chunk: Uint8Array) => void;
  readonly #maxBytes: number;
  readonly #gunzip: Gunzip;
  /** Goes in front of the first data: pushed alone it makes fflate take 32 KiB of zeros for earlier output. */
  #header: Uint8Array | undefined = GZIP_HEADER;
  #end: InflateEnd | undefined;
  #isProbing = false;
  #nextMember = false;
  #outBytes = 0;

  /** @param emit Gets the inflated bytes in order. Chunks are its own. @param maxBytes Most bytes that may come out. */
  constructor(emit: (chunk: Uint8Array) => void, maxBytes: number) {
    this.#emit = emit;
    this.#maxBytes = maxBytes;
    this.#gunzip = new Gunzip((chunk) => this.#take(chunk));
    this.#gunzip.onmember = () => {
      this.#nextMember = true;
    };
  }

  /** Bytes inflated so far. */
  get outBytes(): number {
    return this.#outBytes;
  }

  /** Feeds deflate data. @returns false once it makes no sense to go on; `finish` says why. */
  push(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length && this.#end === undefined;) {
      const room = Math.max(0, this.#maxBytes - this.#outBytes);
      const slice = Math.min(65536, Math.max(4096, Math.floor(room / MAX_RATIO)));
      this.#feed(bytes.subarray(at, at + slice), 'early');
      at += slice;
    }
    return this.#end === undefined;
  }

  /** Says how it went, after the last byte. */
  finish(): InflateEnd {
    this.#isProbing = true;
    // dummy trailer: 8 zeros. In byte-sized steps, because the step at which fflate objects says where the stream ended:
    // it looks at the first 4 bytes after a trailer, so a stream that ended k bytes before the end fails in step 12 - k.
    const probe = new Uint8Array(8 + GZIP_HEADER.length);
    probe.set(GZIP_HEADER, 8);
    for (let i = 0; i < probe.length && this.#end === undefined; i++)
      this.#feed(probe.slice(i, i + 1), i + 1 < 12 ? 'early' : 'open');
    if (this.#end === undefined) this.#end = this.#nextMember ? 'exact' : 'open';
    return this.#end;
  }

  #feed(bytes: Uint8Array, ifNotGzip: InflateEnd): void {
    const header = this.#header;
    this.#header = undefined;
    try {
      this.#gunzip.push(header === undefined ? bytes : concat(header, bytes));
    } catch (error) {
      // code 6 is "invalid gzip data": the stream ended and no member follows; any other code is broken deflate data,
      // or, in the probe, data that ended in the middle of something
      const isNotGzip = error instanceof Error && 'code' in error && error.code === 6;
      this.#end ??= isNotGzip ? ifNotGzip : this.#isProbing ? 'open' : 'broken';
      return;
    }
    if (this.#nextMember && !this.#isProbing) this.#end ??= 'early';
  }

  #take(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#isProbing || this.#nextMember || this.#end !== undefined) return;
    this.#outBytes += chunk.length;
    if (this.#outBytes > this.#maxBytes) this.#end = 'limit';
    else this.#emit(chunk);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** CRC-32 (ISO 3309), as gzip and PNG use it: `crc32(bytes, crc32(earlier))` goes on where an earlier call ended. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const table = crcTable();
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}

const crcTable = once(() =>
  Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb8_8320 ^ (c >>> 1) : c >>> 1;
    return c;
  }),
);

/** Adler-32, the checksum of zlib streams. */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let i = 0; i < bytes.length;) {
    // 3800 additions stay below 2^32
    const end = Math.min(i + 3800, bytes.length);
    for (; i < end; i++) {
      a += bytes[i] as number;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

import { CheckpointError } from '../errors.ts';
import { memorySource } from '../io/byte-source.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { GrowingBuffer } from '../io/growing-buffer.ts';
import { crc32, DeflateRegion } from '../io/inflate.ts';

export interface GunzipOptions {
  /** Most output bytes per input byte. Default 200. */
  readonly maxRatio?: number;
  /** Output always allowed, whatever the ratio: small files of zeros are no bombs. Default 1 MiB. */
  readonly minOutputBytes?: number;
  /** Most output bytes in all. Default 4 GiB - 1: the result is one buffer in memory. */
  readonly maxOutputBytes?: number;
}

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED = 0xe0;

/**
 * Inflates a gzip file (RFC 1952) of exactly one member into memory; CRC and length are checked.
 *
 * The output is capped while inflating, at `max(minOutputBytes, maxRatio x file size)`: the length that the file claims
 * is not believed. A broken file costs at most that much memory, plus 4 MiB.
 * @returns A source over the inflated bytes, under the same name. `source` is closed.
 * @throws CheckpointError with rule `gzip-truncated`, `gzip-header`, `gzip-data`, `gzip-crc`, `gzip-size`,
 *   `gzip-trailing`, `gzip-ratio` or `gzip-too-large`.
 */
export async function gunzipSource(
  source: ByteSource,
  options: GunzipOptions = {},
  signal?: AbortSignal,
): Promise<ByteSource> {
  try {
    return memorySource(await gunzip(source, options, signal), source.name);
  } finally {
    await source.close();
  }
}

const PIECE = 1 << 20;

async function gunzip(source: ByteSource, options: GunzipOptions, signal?: AbortSignal): Promise<Uint8Array> {
  const path = source.name;
  const bodyBegin = await readMemberHeader(source, signal);
  const bodyEnd = source.byteLength - 8;
  if (bodyEnd <= bodyBegin) throw truncated(path, source.byteLength);
  const byRatio = Math.max(options.minOutputBytes ?? 1 << 20, (options.maxRatio ?? 200) * source.byteLength);
  const atMost = options.maxOutputBytes ?? 0xffff_ffff;
  const output = new GrowingBuffer();
  const region = new DeflateRegion((chunk) => output.append(chunk), Math.min(byRatio, atMost));
  for (let at = bodyBegin, isGoingOn = true; at < bodyEnd && isGoingOn; at += PIECE)
    isGoingOn = region.push(await source.read(at, Math.min(bodyEnd, at + PIECE), signal));
  switch (region.finish()) {
    case 'exact':
      break;
    case 'open':
      throw truncated(path, source.byteLength);
    case 'broken':
      throw fault(path, 'gzip-data', 'its deflate data are broken. Fetch the file again');
    case 'early':
      throw fault(path, 'gzip-trailing', 'one gzip member and nothing else is expected, but bytes follow it');
    case 'limit':
      if (atMost < byRatio)
        throw fault(path, 'gzip-too-large', `inflates to more than ${atMost} bytes. Unpack it with gunzip first`);
      throw fault(
        path,
        'gzip-ratio',
        `inflates to more than ${byRatio} bytes from ${source.byteLength}: refused as a bomb. ` +
          'Unpack it with gunzip first if you trust it',
      );
  }
  const trailer = await source.read(bodyEnd, source.byteLength, signal);
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8);
  const bytes = output.bytes();
  const isCrcRight = view.getUint32(0, true) === crc32(bytes);
  const isSizeRight = view.getUint32(4, true) === bytes.length % 2 ** 32;
  // both wrong: the data were damaged in a way that still inflates, not the trailer
  if (!isCrcRight && !isSizeRight)
    throw fault(path, 'gzip-data', 'neither CRC nor length fit the inflated bytes. Fetch the file again');
  if (!isCrcRight) throw fault(path, 'gzip-crc', 'the CRC of the inflated bytes is wrong. Fetch the file again');
  if (!isSizeRight)
    throw fault(path, 'gzip-size', `claims ${view.getUint32(4, true)} bytes (mod 2^32), inflates to ${bytes.length}`);
  return bytes;
}

function fault(path: string, rule: string, what: string): CheckpointError {
  return new CheckpointError(`${path}: ${what}.`, { rule, path });
}

function truncated(path: string, byteLength: number): CheckpointError {
  return fault(path, 'gzip-truncated', `the gzip data end too early (${byteLength} bytes). Fetch the file again`);
}

/** Longest member header looked at: names and comments are short. */
const MAX_MEMBER_HEADER = 1 << 17;

/** Checks the member's header. @returns where the deflate data begin. */
async function readMemberHeader(source: ByteSource, signal?: AbortSignal): Promise<number> {
  const path = source.name;
  const head = await source.read(0, Math.min(source.byteLength, MAX_MEMBER_HEADER), signal);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const need = (end: number): void => {
    if (end <= head.length) return;
    if (head.length < source.byteLength) throw fault(path, 'gzip-header', 'its gzip header is longer than 128 KiB');
    throw truncated(path, source.byteLength);
  };
  need(10);
  if (head[0] !== 0x1f || head[1] !== 0x8b)
    throw fault(path, 'gzip-header', `gzip data start with 1f 8b, got ${hex(head[0])} ${hex(head[1])}`);
  if (head[2] !== 8) throw fault(path, 'gzip-header', `the compression method must be 8 (deflate), got ${head[2]}`);
  const flags = head[3] as number;
  if (flags & RESERVED) throw fault(path, 'gzip-header', `flag bits 5 to 7 are reserved, got 0x${hex(flags)}`);
  let at = 10;
  if (flags & FEXTRA) {
    need(at + 2);
    at += 2 + view.getUint16(at, true);
    need(at);
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if (!(flags & flag)) continue;
    const end = head.indexOf(0, at);
    need(end < 0 ? head.length + 1 : end + 1);
    at = end + 1;
  }
  if (flags & FHCRC) {
    need(at + 2);
    const stored = view.getUint16(at, true);
    const actual = crc32(head.subarray(0, at)) & 0xffff;
    if (stored !== actual)
      throw fault(
        path,
        'gzip-header',
        `the header's CRC must be 0x${actual.toString(16)}, got 0x${stored.toString(16)}`,
      );
    at += 2;
  }
  return at;
}

function hex(byte: number | undefined): string {
  return (byte ?? 0).toString(16).padStart(2, '0');
}

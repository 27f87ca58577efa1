import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { adler32, crc32, DeflateRegion } from '../../../runtime/io/inflate.ts';
import type { InflateEnd } from '../../../runtime/io/inflate.ts';
import { seededRandom } from '../../support/random.ts';

const random = seededRandom(7);
const randomBytes = (count: number) => Buffer.from(Uint8Array.from({ length: count }, () => random.integer(256)));

function inflate(bytes: Uint8Array, maxBytes: number, piece = bytes.length): { end: InflateEnd; out: Buffer } {
  const chunks: Uint8Array[] = [];
  const region = new DeflateRegion((chunk) => chunks.push(chunk), maxBytes);
  for (let at = 0; at < bytes.length; at += piece) if (!region.push(bytes.subarray(at, at + piece))) break;
  return { end: region.finish(), out: Buffer.concat(chunks) };
}

describe('DeflateRegion', () => {
  const contents = [
    Buffer.alloc(0),
    Buffer.from('x'),
    Buffer.from('hello hello hello hello'),
    randomBytes(300),
    Buffer.alloc(5000),
  ];
  const streams = contents.flatMap((data) =>
    [0, 9].map((level) => ({ data, level, bytes: deflateRawSync(data, { level }) })),
  );

  test('inflates a stream that ends with the last byte, in pieces of any size', () => {
    for (const { data, bytes } of streams)
      for (const piece of [1, 3, 7, 4096]) {
        const { end, out } = inflate(bytes, data.length, piece);
        expect([end, out.equals(data)]).toEqual(['exact', true]);
      }
  });

  test('tells bytes after the stream from none, however many they are and whatever they are', () => {
    const tails = [1, 2, 3, 4, 7, 8, 9, 11, 12, 13, 17, 18, 19, 40].flatMap((n) => [
      Buffer.alloc(n),
      Buffer.alloc(n, 0x1f),
      randomBytes(n),
    ]);
    // also a whole second member, right behind a trailer
    tails.push(
      Buffer.concat([Buffer.alloc(8), Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]), deflateRawSync('second')]),
    );
    for (const { data, bytes } of streams)
      for (const tail of tails) expect(inflate(Buffer.concat([bytes, tail]), data.length + 100).end).toBe('early');
  });

  test('finds every truncation, at each byte', () => {
    for (const { data, bytes } of streams)
      for (let cut = 0; cut < bytes.length; cut++)
        expect(inflate(bytes.subarray(0, cut), data.length).end).toBe('open');
  });

  test('stops soon after the cap', () => {
    const bomb = deflateRawSync(Buffer.alloc(64 << 20), { level: 9 });
    let most = 0;
    const region = new DeflateRegion((chunk) => (most += chunk.length), 100_000);
    region.push(bomb);
    expect(region.finish()).toBe('limit');
    expect(most).toBeLessThanOrEqual(100_000);
    expect(region.outBytes).toBeLessThan(100_000 + (4 << 20) + 4096);
  });

  test('says that broken data are broken', () => {
    expect(inflate(Buffer.from([0x07, 0xff, 0xff, 0xff]), 10).end).toBe('broken'); // block type 3
    expect(inflate(Buffer.from([0x4b, 0x04, 0xa2, 0x00, 1, 2, 3]), 10).end).toBe('broken'); // distance before the start
  });
});

test('checksums agree with known values and with zlib', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(adler32(Buffer.from('Wikipedia'))).toBe(0x11e60398);
  const bytes = randomBytes(20_000);
  expect(crc32(bytes)).toBe(gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8));
  expect(crc32(bytes.subarray(77), crc32(bytes.subarray(0, 77)))).toBe(crc32(bytes));
  expect(adler32(Buffer.alloc(10_000, 0xff))).toBe(0xb623_eb2b); // from Python's zlib: the sums pass 2^16 many times
});

import fc from 'fast-check';
import { decode, encode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { ImageError } from '../../../runtime/errors.ts';
import { crc32 } from '../../../runtime/io/inflate.ts';
import { readPng, writePng } from '../../../runtime/image/png.ts';
import { seededRandom } from '../../support/random.ts';

const image = fc
  .record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 24 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height * 4, maxLength: width * height * 4 })
      .map((data) => ({ width, height, data })),
  );

describe('PNG', () => {
  test('what writePng writes, readPng and fast-png read back', () => {
    fc.assert(
      fc.property(image, (picture) => {
        const bytes = writePng(picture);
        expect(readPng(bytes)).toEqual(picture);
        const other = decode(bytes, { checkCrc: true });
        expect([other.width, other.height, other.channels]).toEqual([picture.width, picture.height, 4]);
        expect(Buffer.compare(other.data as Uint8Array, picture.data)).toBe(0);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  test('reads what fast-png writes in other formats', () => {
    const random = seededRandom(9);
    for (const channels of [1, 2, 3, 4] as const)
      for (const depth of [8, 16] as const) {
        const samples = Array.from({ length: 5 * 3 * channels }, () => random.integer(2 ** depth));
        const data = depth === 8 ? Uint8Array.from(samples) : Uint16Array.from(samples);
        const picture = readPng(encode({ width: 5, height: 3, depth, channels, data }));
        const to8 = (sample: number) => (depth === 8 ? sample : Math.round(sample / 257));
        const wanted = Array.from({ length: 15 }, (_, i) => {
          const pixel = samples.slice(i * channels, (i + 1) * channels).map(to8);
          const [a = 0, b = 0, c = 0, d = 0] = pixel;
          if (channels === 1) return [a, a, a, 255];
          if (channels === 2) return [a, a, a, b];
          return [a, b, c, channels === 3 ? 255 : d];
        });
        expect([...picture.data]).toEqual(wanted.flat());
      }
  });

  test('smooth pictures are filtered: they become much smaller', () => {
    const [width, height] = [256, 256];
    const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
      const [x, y, c] = [(i >> 2) % width, (i >> 2) / width, i & 3];
      return c === 3 ? 255 : (x * (c + 1) + y) & 255;
    });
    const bytes = writePng({ width, height, data });
    expect(bytes.length).toBeLessThan(data.length / 20);
    expect(Buffer.compare(readPng(bytes).data, data)).toBe(0);
  });

  test('a mutated file gives a picture or an ImageError, never anything else', () => {
    const base = writePng({ width: 9, height: 7, data: Uint8Array.from({ length: 252 }, (_, i) => (i * 37) & 255) });
    const random = seededRandom(21);
    for (let run = 0; run < 3000; run++) {
      const bytes = base.slice(0, run % 5 === 0 ? random.integer(base.length) : base.length);
      for (let k = random.integer(4); k >= 0 && bytes.length > 0; k--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      try {
        readPng(bytes, 'mutated.png');
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
    }
  });

  test('the same with CRCs put right, so that mutations reach what lies behind them', () => {
    const base = writePng({ width: 9, height: 7, data: Uint8Array.from({ length: 252 }, (_, i) => (i * 37) & 255) });
    const random = seededRandom(22);
    const rules = new Set<string>();
    for (let run = 0; run < 1500; run++) {
      const bytes = base.slice();
      for (let k = random.integer(3); k >= 0; k--) {
        // of IHDR's fields, or of IDAT's data
        const at = random.integer(3) === 0 ? 16 + random.integer(13) : 41 + random.integer(base.length - 41 - 16);
        bytes[at] = random.integer(256);
      }
      const view = new DataView(bytes.buffer);
      for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
        const end = at + 8 + view.getUint32(at);
        view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
      }
      try {
        readPng(bytes, 'mutated.png');
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        rules.add(error.rule);
      }
    }
    for (const rule of ['png-size', 'png-color', 'png-method', 'png-inflate', 'png-data-short', 'png-data-long'])
      expect(rules).toContain(rule);
  });

  test('messages name file, rule and value', () => {
    const base = writePng({ width: 2, height: 2, data: new Uint8Array(16) });
    const limits = { maxSide: 8192, maxPixels: 3 };
    expect(() => readPng(base, 'big.png', limits)).toThrow(
      'big.png: a picture must have 1..8192 pixels a side and at most 3 in all, got 2 x 2.',
    );
    expect(() => readPng(Buffer.from('GIF89a..'), 'a.gif')).toThrow(
      'a.gif: is not a PNG file. Convert the picture to PNG.',
    );
    expect(() => writePng({ width: 2, height: 2, data: new Uint8Array(15) })).toThrow(
      'writePng: 2 x 2 RGBA takes 16 bytes, got 15.',
    );
    expect(() => writePng({ width: 0, height: 2, data: new Uint8Array() })).toThrow(/whole, positive sides, got 0 x 2/);
  });
});

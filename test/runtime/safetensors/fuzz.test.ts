import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../../runtime/errors.ts';
import { memorySource } from '../../../runtime/io/byte-source.ts';
import { encodeSafetensors } from '../../../runtime/safetensors/writer.ts';
import { openWeightSource } from '../../../runtime/weights/open-weights.ts';
import { seededRandom } from '../../support/random.ts';

const base = encodeSafetensors(
  [
    { name: 'a.weight', dtype: 'F32', shape: [2, 3], data: new Float32Array(6) },
    { name: 'b', dtype: 'BF16', shape: [], data: new Uint16Array(1) },
    { name: 'c', dtype: 'U8', shape: [0], data: new Uint8Array() },
  ],
  new Map([['format', 'pt']]),
);

/** Pieces that break parsers, to be put anywhere in the header. */
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '-1',
  '1e999',
  '9007199254740993',
  'null',
  '"shape"',
  '"__proto__"',
  '\\u0000',
  '\u{10ffff}',
  '""',
];

async function check(bytes: Uint8Array, name: string): Promise<'opened' | 'refused'> {
  try {
    const weights = await openWeightSource(memorySource(bytes, name));
    for (const tensor of weights.names()) await weights.readRaw(tensor);
    return 'opened';
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    expect(error.rule).toMatch(/^[a-z0-9-]+$/);
    return 'refused';
  }
}

describe('mutated files open or are refused by a typed error', () => {
  test('safetensors: bytes', async () => {
    const random = seededRandom(1);
    let refused = 0;
    for (let run = 0; run < 6000; run++) {
      const bytes = base.slice(0, run % 7 === 0 ? random.integer(base.length) : base.length);
      for (let k = random.integer(3); k >= 0 && bytes.length > 0; k--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      if ((await check(bytes, 'x.safetensors')) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(3000);
  });

  test('safetensors: tokens of JSON, with the length put right', async () => {
    const random = seededRandom(2);
    const length = Number(new DataView(base.buffer).getBigUint64(0, true));
    const text = new TextDecoder().decode(base.subarray(8, 8 + length));
    for (let run = 0; run < 6000; run++) {
      const at = random.integer(text.length);
      const cut = random.integer(6);
      const token = TOKENS[random.integer(TOKENS.length)]!;
      const header = new TextEncoder().encode(text.slice(0, at) + token + text.slice(at + cut));
      const bytes = new Uint8Array(8 + header.length + base.length - 8 - length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
      bytes.set(header, 8);
      bytes.set(base.subarray(8 + length), 8 + header.length);
      await check(bytes, 'x.safetensors');
    }
  });

  test('gzip: bytes', async () => {
    const random = seededRandom(3);
    const packed = gzipSync(base);
    for (let run = 0; run < 800; run++) {
      const bytes = new Uint8Array(packed.subarray(0, run % 7 === 0 ? random.integer(packed.length) : packed.length));
      for (let k = random.integer(3); k >= 0 && bytes.length > 0; k--)
        bytes[random.integer(bytes.length)] = random.integer(256);
      await check(bytes, 'x.safetensors.gz');
    }
    expect(await check(packed, 'x.safetensors.gz')).toBe('opened');
  });
});

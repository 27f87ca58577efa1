import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShapeError, UsageError } from '../../../runtime/errors.ts';
import { memorySource } from '../../../runtime/io/byte-source.ts';
import { safetensorsBits } from '../../../runtime/safetensors/dtype.ts';
import type { SafetensorsDType } from '../../../runtime/safetensors/dtype.ts';
import { openSafetensors } from '../../../runtime/safetensors/reader.ts';
import { encodeSafetensors } from '../../../runtime/safetensors/writer.ts';

const DTYPES: SafetensorsDType[] = ['BOOL', 'U8', 'F8_E4M3', 'F16', 'BF16', 'I32', 'F32', 'F64', 'I64', 'C64'];

describe('encodeSafetensors', () => {
  test('what is written is read back: names, dtypes, shapes, bytes, metadata', async () => {
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom('__proto__', '7', '', 'a/b', '\u0000'),
    );
    const tensor = fc
      .tuple(fc.constantFrom(...DTYPES), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
      .chain(([dtype, shape]) => {
        const byteLength = shape.reduce((n, size) => n * size, safetensorsBits(dtype) / 8);
        return fc.record({
          dtype: fc.constant(dtype),
          shape: fc.constant(shape),
          data: fc.uint8Array({ minLength: byteLength, maxLength: byteLength }),
        });
      });
    const names = fc.uniqueArray(name, { maxLength: 6 }).filter((list) => !list.includes('__metadata__'));
    await fc.assert(
      fc.asyncProperty(
        names.chain((list) => fc.tuple(...list.map((n) => tensor.map((t) => ({ name: n, ...t }))))),
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { maxKeys: 3 }),
        async (tensors, meta) => {
          const metadata = new Map(Object.entries(meta));
          const bytes = encodeSafetensors(tensors, metadata);
          const file = await openSafetensors(memorySource(bytes, 'x'));
          expect([...file.names()].sort()).toEqual(tensors.map((t) => t.name).sort());
          expect(new Map(file.metadata)).toEqual(metadata);
          for (const { name: n, dtype, shape, data } of tensors) {
            expect(file.info(n)).toMatchObject({ dtype, shape });
            expect(Buffer.from(await file.readRaw(n)).equals(data)).toBe(true);
          }
        },
      ),
      { seed: 2, numRuns: 200 },
    );
  });

  test('pads the header to 8 and aligns every tensor to its item size', async () => {
    const bytes = encodeSafetensors([
      { name: 'a', dtype: 'U8', shape: [3], data: new Uint8Array(3) },
      { name: 'b', dtype: 'F64', shape: [1], data: new Float64Array(1) },
      { name: 'c', dtype: 'F16', shape: [1], data: new Uint16Array(1) },
      { name: 'd', dtype: 'F32', shape: [], data: new Float32Array(1) },
    ]);
    const { header } = await openSafetensors(memorySource(bytes, 'x'));
    expect(header.dataBegin % 8).toBe(0);
    for (const { dtype, begin } of header.tensors.values()) expect(begin % (safetensorsBits(dtype) / 8)).toBe(0);
  });

  test('refuses names and shapes that no reader would take', () => {
    const one = (name: string) => ({ name, dtype: 'U8' as const, shape: [1], data: new Uint8Array(1) });
    expect(() => encodeSafetensors([one('a'), one('a')])).toThrow(UsageError);
    expect(() => encodeSafetensors([one('__metadata__')])).toThrow(UsageError);
    expect(() => encodeSafetensors([one('\ud800')])).toThrow(UsageError);
    expect(() => encodeSafetensors([{ ...one('a'), shape: [2] }])).toThrow(
      new ShapeError('safetensors: tensor "a": U8 [2] takes 2 bytes, got 1.'),
    );
    expect(() => encodeSafetensors([{ ...one('a'), dtype: 'F4', shape: [3] }])).toThrow(ShapeError);
    expect(() => encodeSafetensors([{ ...one('a'), shape: [-1] }])).toThrow(ShapeError);
  });
});

import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../../runtime/errors.ts';
import { memorySource } from '../../../runtime/io/byte-source.ts';
import type { ByteSource } from '../../../runtime/io/byte-source.ts';
import { openSafetensors } from '../../../runtime/safetensors/reader.ts';
import { encodeSafetensors } from '../../../runtime/safetensors/writer.ts';

function fileOf(header: string, data = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const open = (bytes: Uint8Array) => openSafetensors(memorySource(bytes, 'model.safetensors'));

async function messageOf(bytes: Uint8Array): Promise<string> {
  const error: unknown = await open(bytes).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CheckpointError);
  return (error as CheckpointError).message;
}

describe('openSafetensors', () => {
  test('lists tensors in the order of the header, whatever their names', async () => {
    const entry = (begin: number) => `{"dtype":"U8","shape":[1],"data_offsets":[${begin},${begin + 1}]}`;
    const file = await open(
      fileOf(`{"b":${entry(2)},"7":${entry(0)},"__proto__":${entry(1)}}`, Uint8Array.of(10, 11, 12)),
    );
    expect([...file.names()]).toEqual(['b', '7', '__proto__']);
    expect([...(await file.readRaw('__proto__'))]).toEqual([11]);
    expect(file.info('b')).toMatchObject({ dtype: 'U8', shape: [1], byteLength: 1 });
    expect(file.info('constructor')).toBeUndefined();
  });

  test('reads the header, then only what is asked for', async () => {
    const bytes = encodeSafetensors([
      { name: 'big', dtype: 'F32', shape: [1000], data: new Float32Array(1000).fill(2) },
      { name: 'small', dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0x4000) },
    ]);
    const reads: [number, number][] = [];
    const inner = memorySource(bytes, 'x');
    const source: ByteSource = {
      ...inner,
      byteLength: inner.byteLength,
      read: (begin, end) => {
        reads.push([begin, end]);
        return inner.read(begin, end);
      },
    };
    const file = await openSafetensors(source);
    const header = file.header.dataBegin;
    expect(reads).toEqual([
      [0, 64],
      [8, header],
    ]);
    expect([...(await file.readF32('small'))]).toEqual([1, 2]);
    expect([...(await file.readRange('big', 4, 8))]).toEqual([0, 0, 0, 64]);
    expect(reads.slice(2)).toEqual([
      [header + 4000, header + 4004],
      [header + 4, header + 8],
    ]);
  });

  test('messages name file, tensor, rule and value', async () => {
    const u8 = (rest: string) => `{"blocks.7.attn.qkv.weight":{"dtype":"U8",${rest}}}`;
    expect(await messageOf(fileOf(u8('"shape":[11],"data_offsets":[0,11]'), new Uint8Array(9)))).toBe(
      'model.safetensors: tensor "blocks.7.attn.qkv.weight" ends at byte 97, past the end of the file (95). Fetch the file again.',
    );
    expect(await messageOf(fileOf(u8('"shape":[2],"data_offsets":[0,4]'), new Uint8Array(4)))).toBe(
      'model.safetensors: tensor "blocks.7.attn.qkv.weight": U8 [2] takes 2 bytes, data_offsets give 4.',
    );
    expect(await messageOf(fileOf('{"a":1,"\\u0061":2}'))).toBe(
      'model.safetensors: the header must be one JSON object, but key "a" appears twice in one object.',
    );
    expect(await messageOf(new TextEncoder().encode('<!DOCTYPE html><html></html>'))).toBe(
      'model.safetensors: expected a safetensors file, got an HTML page. The download did not deliver the file; fetch it again.',
    );
    expect(await messageOf(Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x28, 0x58, 6, 0))).toMatch(
      /Python pickle.*save_file/,
    );
  });

  test('missing tensors, wrong ranges and unreadable dtypes are typed errors with the tensor', async () => {
    const file = await open(
      encodeSafetensors([
        { name: 'i', dtype: 'I32', shape: [1], data: new Int32Array(1) },
        { name: 'f', dtype: 'F16', shape: [2], data: new Uint16Array(2) },
      ]),
    );
    await expect(file.readF32('nope')).rejects.toMatchObject({
      code: 'E_CHECKPOINT',
      rule: 'missing-tensor',
      tensor: 'nope',
    });
    await expect(file.readF32('i')).rejects.toMatchObject({ rule: 'unsupported-dtype', tensor: 'i' });
    for (const [begin, end] of [
      [-1, 2],
      [0, 5],
      [3, 2],
      [0.5, 1],
      [NaN, 1],
    ] as const)
      await expect(file.readRange('f', begin, end)).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'range' });
    await file.close();
    await expect(file.readRaw('f')).rejects.toMatchObject({ rule: 'closed' });
  });

  test('an aborted signal rejects with its reason', async () => {
    const bytes = encodeSafetensors([{ name: 'a', dtype: 'U8', shape: [1], data: new Uint8Array(1) }]);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(openSafetensors(memorySource(bytes, 'x'), {}, signal)).rejects.toThrow('enough');
  });
});

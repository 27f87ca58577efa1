import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileSource } from '../../../runtime/node/file-source.ts';
import { folderSource } from '../../../runtime/node/folder-source.ts';
import { loadNative } from '../../../runtime/node/native.ts';
import { openWeightFile, openWeightFolder } from '../../../runtime/node/open-weights.ts';
import { writeFileAtomic, writeSafetensors } from '../../../runtime/node/write-file.ts';
import { seededRandom } from '../../support/random.ts';

let folder = '';
const native = loadNative();
const random = seededRandom(5);
const bytesOf = (count: number) => Buffer.from(Uint8Array.from({ length: count }, () => random.integer(256)));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'layerloom-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const modes = native === undefined ? [{ map: false }] : [{ map: false }, { map: true }];

describe.each(modes)('fileSource %o', (options) => {
  test('reads any range, also across several pieces', async () => {
    const path = join(folder, 'ranges');
    const bytes = Buffer.alloc(70 << 20);
    for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, at);
    await writeFile(path, bytes);
    const source = await fileSource(path, options);
    expect(source.byteLength).toBe(bytes.length);
    for (const [begin, end] of [
      [0, bytes.length],
      [0, 0],
      [4095, 4097],
      [12345, 60_000_000],
      [bytes.length - 1, bytes.length],
    ] as const)
      expect(Buffer.compare(await source.read(begin, end), bytes.subarray(begin, end))).toBe(0);
    await expect(source.read(0, bytes.length + 1)).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'range' });
    await expect(source.read(0, 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await source.close();
    await expect(source.read(0, 1)).rejects.toMatchObject({ rule: 'closed' });
    await rm(path);
  });

  test('notices a file that was cut off, grew, was rewritten or replaced', async () => {
    const changes: ((path: string) => Promise<unknown>)[] = [
      (path) => truncate(path, 50),
      (path) => writeFile(path, 'more', { flag: 'a' }),
      (path) => utimes(path, 1, 1),
      async (path) => {
        await writeFile(`${path}.new`, Buffer.alloc(100));
        await rename(`${path}.new`, path);
      },
    ];
    for (const [i, change] of changes.entries()) {
      const path = join(folder, `changing-${i}`);
      await writeFile(path, bytesOf(100));
      const source = await fileSource(path, options);
      expect((await source.read(0, 100)).length).toBe(100);
      await change(path);
      await expect(source.read(0, 100)).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'file-changed', path });
    }
    const gone = join(folder, 'gone');
    await writeFile(gone, 'x');
    const source = await fileSource(gone, options);
    await rm(gone);
    await expect(source.read(0, 1)).rejects.toMatchObject({ rule: 'not-a-file' });
  });

  test('missing paths and folders are typed errors', async () => {
    await expect(fileSource(join(folder, 'nothing'), options)).rejects.toThrow(
      /nothing: cannot be opened \(ENOENT\)\. Check/,
    );
    await expect(fileSource(folder, options)).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'not-a-file' });
  });
});

describe.skipIf(native === undefined)(
  native === undefined ? 'mapFile (skipped: the addon is not built)' : 'mapFile',
  () => {
    test('gives the bytes that a plain read gives, at any alignment; the mapping outlives the file', async () => {
      const path = join(folder, 'mapped');
      const bytes = bytesOf(20_000);
      await writeFile(path, bytes);
      const source = await fileSource(path);
      for (const [offset, length] of [
        [0, 20_000],
        [1, 1],
        [4095, 2],
        [4096, 4096],
        [12_345, 7655],
        [19_999, 1],
      ] as const) {
        const window = native!.mapFile(path, offset, length);
        expect(window.length).toBe(length);
        expect(Buffer.compare(window, await source.read(offset, offset + length))).toBe(0);
      }
      const window = native!.mapFile(path, 100, 50);
      await rm(path);
      expect(Buffer.compare(window, bytes.subarray(100, 150))).toBe(0);
    });

    test('refuses windows past the end, folders and nonsense', async () => {
      const path = join(folder, 'short');
      await writeFile(path, 'abc');
      expect(() => native!.mapFile(path, 0, 4)).toThrow(/past the end/);
      expect(() => native!.mapFile(path, 3, 1)).toThrow(/past the end/);
      expect(() => native!.mapFile(path, 2 ** 53 - 1, 1)).toThrow(/past the end/);
      expect(() => native!.mapFile(path, 0, 0)).toThrow(RangeError);
      expect(() => native!.mapFile(path, -1, 1)).toThrow(RangeError);
      expect(() => native!.mapFile(path, NaN, 1)).toThrow(RangeError);
      expect(() => native!.mapFile(path, 0, 2 ** 32)).toThrow(RangeError);
      expect(() => native!.mapFile(folder, 0, 1)).toThrow(/not a regular file/);
      expect(() => native!.mapFile(join(folder, 'nothing'), 0, 1)).toThrow(/No such file/);
    });
  },
);

describe('folderSource', () => {
  test('opens plain names only, and no link that leads out', async () => {
    const model = join(folder, 'model');
    await mkdir(join(model, 'sub'), { recursive: true });
    await writeFile(join(folder, 'outside.safetensors'), 'secret');
    await writeFile(join(model, 'a.safetensors'), 'a');
    await symlink('a.safetensors', join(model, 'inside.safetensors'));
    await symlink('../outside.safetensors', join(model, 'out.safetensors'));
    await symlink('nowhere', join(model, 'dangling.safetensors'));
    const source = await folderSource(model);
    expect((await source.open('a.safetensors'))?.byteLength).toBe(1);
    const inside = await source.open('inside.safetensors');
    expect([inside?.name, (await inside?.read(0, 1))?.[0]]).toEqual([join(model, 'inside.safetensors'), 97]);
    for (const name of ['dangling.safetensors', 'missing', 'sub']) expect(await source.open(name)).toBeUndefined();
    await expect(source.open('out.safetensors')).rejects.toMatchObject({ rule: 'shard-outside' });
    for (const name of [
      '../outside.safetensors',
      'sub/../../outside.safetensors',
      '/etc/passwd',
      '..',
      '.',
      '',
      'a\0',
      'c:x',
      'a\\b',
    ])
      await expect(source.open(name)).rejects.toMatchObject({ rule: 'shard-name' });
    await expect(folderSource(join(folder, 'outside.safetensors'))).rejects.toMatchObject({ rule: 'not-a-folder' });
  });

  test('follows the links of a huggingface_hub cache into its blobs, and nowhere else', async () => {
    const repo = join(folder, 'hub', 'models--someone--model');
    const snapshot = join(repo, 'snapshots', '0123abc', 'transformer');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(repo, 'blobs'));
    await writeFile(join(repo, 'blobs', 'f00'), 'blob');
    await writeFile(join(repo, 'other'), 'other');
    await symlink('../../../blobs/f00', join(snapshot, 'model.safetensors'));
    await symlink('../../../other', join(snapshot, 'out.safetensors'));
    const source = await folderSource(snapshot);
    expect((await source.open('model.safetensors'))?.byteLength).toBe(4);
    await expect(source.open('out.safetensors')).rejects.toMatchObject({ rule: 'shard-outside' });
  });
});

describe('openWeightFolder and openWeightFile', () => {
  const core = join(import.meta.dirname, '../../golden/core/models');

  test.each([
    ['qwen-base/transformer', 'BF16', 'img_in.weight'],
    ['qwen-base/text_encoder', 'BF16', 'model.norm.weight'],
    ['qwen-edit2511/vae', 'F32', 'quant_conv.bias'],
  ])('opens %s', async (path, dtype, tensor) => {
    const weights = await openWeightFolder(join(core, path));
    expect(weights.info(tensor)?.dtype).toBe(dtype);
    const values = await weights.readF32(tensor);
    expect(values.length).toBe(weights.info(tensor)?.shape.reduce((a, b) => a * b, 1));
    expect(values.every(Number.isFinite)).toBe(true);
    let count = 0;
    for (const name of weights.names()) {
      expect((await weights.readRaw(name)).byteLength).toBe(weights.info(name)?.byteLength);
      count++;
    }
    expect(count).toBeGreaterThan(10);
    await weights.close();
  });

  test('a 40 GB folder of shards is opened and read in pieces, in little memory', async () => {
    const big = join(folder, 'big');
    await mkdir(big);
    // sparse files: they take no room on disk
    const shardBytes = 4.5e9;
    const weightMap: [string, string][] = [];
    for (let k = 0; k < 9; k++) {
      const name = `diffusion_pytorch_model-0000${k + 1}-of-00009.safetensors`;
      const json = JSON.stringify({
        [`w${k}`]: { dtype: 'BF16', shape: [shardBytes / 2], data_offsets: [0, shardBytes] },
      });
      const header = Buffer.alloc(8 + json.length);
      header.writeBigUInt64LE(BigInt(json.length));
      header.write(json, 8);
      await writeFile(join(big, name), header);
      await truncate(join(big, name), header.length + shardBytes);
      weightMap.push([`w${k}`, name]);
    }
    const index = { metadata: { total_size: 9 * shardBytes }, weight_map: Object.fromEntries(weightMap) };
    await writeFile(join(big, 'diffusion_pytorch_model.safetensors.index.json'), JSON.stringify(index));
    const before = process.resourceUsage().maxRSS;
    const weights = await openWeightFolder(big);
    for (let k = 0; k < 9; k++) {
      // beyond 4 GiB, where 32-bit offsets would wrap
      const piece = await weights.readRange(`w${k}`, shardBytes - 1024, shardBytes);
      expect(piece.length).toBe(1024);
    }
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(64); // MiB
    // more than a typed array holds: a typed error, not a RangeError
    await expect(weights.readRaw('w0')).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'range' });
    await weights.close();
    await rm(big, { recursive: true });
  });

  test('says what was looked for, and what to do instead', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await expect(openWeightFolder(empty)).rejects.toThrow(
      `${empty}: has no weights: looked for diffusion_pytorch_model.safetensors and model.safetensors, .gz and .index.json. Is this the folder of the model?`,
    );
    await writeFile(join(empty, 'pytorch_model.bin'), '');
    await expect(openWeightFolder(empty)).rejects.toThrow(/Pickled checkpoints are not read/);
  });

  test('strips a prefix, and finds names that collide without it', async () => {
    const path = join(folder, 'single.safetensors');
    const one = (name: string) => ({ name, dtype: 'F32' as const, shape: [1], data: Float32Array.of(4) });
    await writeSafetensors(path, [one('model.diffusion_model.img_in.bias'), one('vae.x')]);
    const weights = await openWeightFile(path, { stripPrefix: 'model.diffusion_model.' });
    expect([...weights.names()]).toEqual(['img_in.bias', 'vae.x']);
    expect([...(await weights.readF32('img_in.bias'))]).toEqual([4]);
    expect(weights.info('model.diffusion_model.img_in.bias')).toBeUndefined();
    await expect(weights.readRaw('nope')).rejects.toMatchObject({ rule: 'missing-tensor' });
    await writeSafetensors(path, [one('p.a'), one('a')]);
    await expect(openWeightFile(path, { stripPrefix: 'p.' })).rejects.toMatchObject({
      rule: 'tensor-twice',
      tensor: 'a',
    });
  });
});

describe('writeFileAtomic', () => {
  test('leaves the old file and no half one where writing fails or is aborted', async () => {
    const path = join(folder, 'out', 'file.bin');
    await mkdir(join(folder, 'out'));
    await writeFileAtomic(path, [Buffer.from('old')]);
    const failing = async function* () {
      yield Buffer.from('new');
      throw new Error('disk on fire');
    };
    await expect(writeFileAtomic(path, failing())).rejects.toThrow('disk on fire');
    await expect(writeFileAtomic(path, [Buffer.from('new')], AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
    expect(await readdir(join(folder, 'out'))).toEqual(['file.bin']);
    expect(await readFile(path, 'utf8')).toBe('old');
    await writeFileAtomic(path, [Buffer.from('ne'), Buffer.from('w')]);
    expect(await readFile(path, 'utf8')).toBe('new');
  });
});

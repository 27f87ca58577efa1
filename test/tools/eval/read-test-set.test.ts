import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ImageError, LayoutError } from '../../../runtime/errors.ts';
import { writePng } from '../../../runtime/image/png.ts';
import { loadSetPicture, readTestSet } from '../../../tools/eval/read-test-set.ts';
import { TestSetError } from '../../../tools/eval/test-set-error.ts';
import { SMALL_DESIGNS, writeSmallSet } from './small-set.ts';

describe('a test set', () => {
  test('is read whole, in order', async () => {
    const path = writeSmallSet();
    const set = await readTestSet(path);
    expect(set.seed).toBe(5);
    expect(set.designs.map(({ name }) => name)).toEqual(['0000', '0001', '0002']);
    const [first, second] = set.designs;
    expect(first?.window).toEqual([0, 0, 48, 48]);
    expect(first?.layers.map(({ id }) => id)).toEqual(['bg', 'layer-1', 'layer-2']);
    expect(first?.layers.map(({ isBackground }) => isBackground)).toEqual([true, false, false]);
    expect(first?.layers[2]?.box).toEqual([20, 20, 60, 44]);
    expect([...(first?.documents.keys() ?? [])]).toEqual(['t2l', 'i2l', 'add', 'restyle']);
    expect([...(first?.restyle.keys() ?? [])]).toEqual(['layer-2']);
    expect(second?.restyle.size).toBe(0);
    expect(first?.composed.data.length).toBe(4 * 48 * 48);
  });

  test('is cut by a limit', async () => {
    expect((await readTestSet(writeSmallSet(), { limit: 1 })).designs.length).toBe(1);
  });

  test('stops when aborted', async () => {
    await expect(readTestSet(writeSmallSet(), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/iu);
  });

  test('gives the pictures that its documents name, and no others', async () => {
    const [design] = (await readTestSet(writeSmallSet())).designs;
    if (!design) throw new TypeError('no design');
    expect((await loadSetPicture(design, 'layer-1.png')).width).toBe(24);
    await expect(loadSetPicture(design, 'data:image/png;base64,AAAA')).rejects.toThrow(TestSetError);
    await expect(loadSetPicture(design, 'nothing.png')).rejects.toMatchObject({ rule: 'set-missing' });
  });
});

type Json = Record<string, unknown>;
const list = (value: unknown): Json[] => value as Json[];

/** A fault in one file, the rule that names it, and what the message must say. */
const FAULTS: readonly [string, string, (value: Json) => void, string, RegExp][] = [
  ['no format', 'set.json', (set) => delete set.format, 'set-form', /format is not as the format says/u],
  ['another format', 'set.json', (set) => void (set.format = 'layerloom-set/2'), 'set-form', /format/u],
  ['no designs', 'set.json', (set) => void (set.designs = []), 'set-empty', /there are no designs/u],
  ['a folder outside', 'set.json', (set) => void ((list(set.designs)[0] as Json).folder = '../x'), 'set-form', /designs\[0\]\.folder/u],
  ['a window off the grid', 'set.json', (set) => void ((list(set.designs)[0] as Json).width = 50), 'set-window', /multiples of 16, got 50 x 48/u],
  ['an unknown task', 'set.json', (set) => void ((list(set.designs)[0] as Json).tasks = ['x']), 'set-form', /tasks\[0\]/u],
  ['another number of layers', 'set.json', (set) => void ((list(set.designs)[0] as Json).layers = 7), 'set-layers', /says 7 layers/u],
  ['an unknown colour', '0000/meta.json', (meta) => void ((list(meta.layers)[1] as Json).colour = 'mauve'), 'set-form', /layers\[1\]\.colour/u],
  ['an id that is a path', '0000/meta.json', (meta) => void ((list(meta.layers)[1] as Json).id = '../bg'), 'set-form', /layers\[1\]\.id/u],
  ['a layer without picture', '0000/meta.json', (meta) => void ((list(meta.layers)[1] as Json).id = 'layer-9'), 'set-missing', /layer-9\.png/u],
  ['a target that is no layer', '0000/meta.json', (meta) => void (meta.targets = ['layer-8']), 'set-targets', /"layer-8" is no layer/u],
  ['two backgrounds', '0000/meta.json', (meta) => void ((list(meta.layers)[1] as Json).kind = 'background'), 'set-layers', /is the background/u],
  ['another size', '0000/meta.json', (meta) => void ((list(meta.layers)[1] as Json).box = [4, 4, 29, 28]), 'set-picture', /must be 25 x 24 pixels, got 24 x 24/u],
  ['a document with another box', '0000/i2l.json', (doc) => void ((list(doc.layers)[1] as Json).box = [5, 4, 29, 28]), 'set-layers', /layer-1 \[5, 4, 29, 28\]/u],
  ['a document of another task', '0000/t2l.json', (doc) => void (doc.task = { type: 'i2l', image: { uri: 'composed.png' } }), 'set-task', /must be t2l, got i2l/u],
  ['a document with another window', '0000/t2l.json', (doc) => void (doc.canvas = { width: 64, height: 48 }), 'set-window', /says 48 x 48, got 64 x 48/u],
  ['a document with other targets', '0000/add.json', (doc) => {
    (list(doc.layers)[2] as Json).source = { uri: 'layer-2.png' };
    doc.task = { type: 'add', targets: ['layer-1'] };
  }, 'set-targets', /says layer-2, got layer-1/u],
]; // prettier-ignore

describe('a broken test set is refused by name', () => {
  test.each(FAULTS)('%s', async (_, file, change, rule, message) => {
    const path = writeSmallSet(SMALL_DESIGNS, (name, value) => {
      if (name === file) change(value);
    });
    const refused = readTestSet(path);
    await expect(refused).rejects.toThrow(TestSetError);
    await expect(refused).rejects.toMatchObject({ rule, code: 'E_TEST_SET' });
    await expect(refused).rejects.toThrow(message);
  });

  test('no set at all', async () => {
    await expect(readTestSet('/nowhere')).rejects.toMatchObject({
      rule: 'set-missing',
      path: join('/nowhere', 'set.json'),
    });
  });

  test('text that is not JSON', async () => {
    const path = writeSmallSet();
    writeFileSync(join(path, 'set.json'), '{"format": ');
    await expect(readTestSet(path)).rejects.toMatchObject({ rule: 'set-json' });
  });

  test('an invalid document keeps its own error', async () => {
    const path = writeSmallSet(SMALL_DESIGNS, (name, value) => {
      if (name === '0001/i2l.json') value.format = 'layered-design/9';
    });
    await expect(readTestSet(path)).rejects.toThrow(LayoutError);
  });

  test('a broken picture keeps its own error', async () => {
    const path = writeSmallSet();
    writeFileSync(
      join(path, '0000', 'bg.png'),
      writePng({ width: 48, height: 48, data: new Uint8Array(9216) }).slice(0, 50),
    );
    await expect(readTestSet(path)).rejects.toThrow(ImageError);
  });

  test('a missing restyle picture', async () => {
    const path = writeSmallSet();
    rmSync(join(path, '0000', 'layer-2.wanted.png'));
    await expect(readTestSet(path)).rejects.toMatchObject({ rule: 'set-missing' });
  });
});

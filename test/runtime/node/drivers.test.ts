import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { findLavapipe } from '../../../runtime/node/software-driver.ts';
import { findSystemDrivers } from '../../../runtime/node/system-drivers.ts';

const scratch = mkdtempSync(join(tmpdir(), 'layerloom-find-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('findLavapipe', () => {
  const folder = join(scratch, 'lavapipe');
  const record = { version: '1', loader: 'lib/loader', manifest: 'icd.json', libraries: ['lib/a', '/dev/null'] };
  beforeEach(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'lib'), { recursive: true });
    for (const name of ['lib/loader', 'icd.json', 'lib/a']) writeFileSync(join(folder, name), '');
  });

  it('reads the record of the set-up, names inside its folder', () => {
    writeFileSync(join(folder, 'driver.json'), JSON.stringify(record));
    expect(findLavapipe(folder)).toEqual({
      name: 'lavapipe',
      version: '1',
      folder,
      manifest: join(folder, 'icd.json'),
      loader: join(folder, 'lib/loader'),
      libraries: [join(folder, 'lib/a'), '/dev/null'],
    });
  });

  it.each([
    ['no record', undefined],
    ['a cut record', '{ "version": "1", '],
    ['a record of another form', '{ "version": 1 }'],
    ['a record without libraries', JSON.stringify({ ...record, libraries: null })],
    ['a library that is gone', JSON.stringify({ ...record, libraries: ['lib/b'] })],
  ])('finds nothing with %s', (_, text) => {
    if (text !== undefined) writeFileSync(join(folder, 'driver.json'), text);
    expect(findLavapipe(folder)).toBeUndefined();
  });
});

describe('findSystemDrivers', () => {
  const empty = { HOME: join(scratch, 'home'), XDG_CONFIG_DIRS: scratch, XDG_DATA_DIRS: scratch };
  const nowhere = join(scratch, 'nowhere.json');

  it('takes the named files alone where a variable names some', () => {
    const found = findSystemDrivers(
      { ...empty, VK_DRIVER_FILES: '/a.json:/b.json', VK_ICD_FILENAMES: '/c.json' },
      nowhere,
    );
    expect(found).toEqual({ manifests: ['/a.json', '/b.json'], unlisted: undefined });
    expect(findSystemDrivers({ ...empty, VK_ICD_FILENAMES: '/c.json' }, nowhere).manifests).toEqual(['/c.json']);
  });

  it('looks into the folders of the loader, added files first', () => {
    const folder = join(scratch, 'data/vulkan/icd.d');
    mkdirSync(folder, { recursive: true });
    for (const name of ['b.json', 'a.json', 'notes.txt']) writeFileSync(join(folder, name), '');
    const { manifests } = findSystemDrivers(
      { ...empty, XDG_DATA_DIRS: join(scratch, 'data'), VK_ADD_DRIVER_FILES: '/added.json' },
      nowhere,
    );
    const added = manifests.indexOf('/added.json');
    expect(added).toBe(0);
    expect(manifests.slice(-2)).toEqual([join(folder, 'a.json'), join(folder, 'b.json')]);
  });

  it("finds NVIDIA's manifest where the loader does not look, unless it is listed", () => {
    const nvidia = join(scratch, 'nvidia_icd.json');
    writeFileSync(nvidia, '');
    expect(findSystemDrivers(empty, nvidia).unlisted).toBe(nvidia);
    expect(findSystemDrivers({ ...empty, VK_ADD_DRIVER_FILES: '/x/nvidia_icd.json' }, nvidia).unlisted).toBeUndefined();
  });
});

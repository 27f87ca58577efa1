import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTar } from '../../../runtime/node/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'layerloom-tar-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'in/deep'), { recursive: true });
writeFileSync(join(folder, 'in/a.txt'), 'alpha');
writeFileSync(
  join(folder, 'in/deep/b.bin'),
  Uint8Array.from({ length: 1025 }, (_, i) => i),
);
writeFileSync(join(folder, 'in/empty'), '');
const archive = new Uint8Array(
  execFileSync('tar', ['--format=ustar', '-C', join(folder, 'in'), '-cf', '-', 'a.txt', 'deep', 'empty']),
);

describe('readTar', () => {
  it('reads what tar wrote', () => {
    const files = readTar(archive);
    expect(files.map(({ name, data }) => [name, data.length])).toEqual([
      ['a.txt', 5],
      ['deep/b.bin', 1025],
      ['empty', 0],
    ]);
    expect(new TextDecoder().decode(files[0].data)).toBe('alpha');
    expect(files[1].data[1024]).toBe(0);
    expect(files[1].data[1023]).toBe(255);
  });

  it('refuses a changed header, a cut file and a missing end', () => {
    const changed = archive.slice();
    changed[0] ^= 1;
    expect(() => readTar(changed)).toThrow('tar: header at byte 0 has a wrong checksum');
    expect(() => readTar(archive.subarray(0, 514))).toThrow('tar: file at byte 0 has 5 bytes, 2 are left');
    expect(() => readTar(archive.subarray(0, 1024))).toThrow('without its end mark');
  });
});

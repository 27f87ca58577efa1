import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
let copy = '';

/** A copy of what the install script needs: a failing rebuild must not take the project's own addon away. */
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'layerloom-install-'));
  for (const path of ['package.json', 'binding.gyp', 'tools/install.mjs', 'runtime/native'])
    cpSync(join(root, path), join(copy, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function install(env: Record<string, string>, ...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [join(copy, 'tools/install.mjs'), ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status, stdout };
}

describe('tools/install.mjs', () => {
  test('can be skipped', () => {
    expect(install({ LAYERLOOM_SKIP_NATIVE: '1' })).toEqual({
      status: 0,
      stdout: 'layerloom: no native addon (skipped (LAYERLOOM_SKIP_NATIVE=1)); everything works without it\n',
    });
  });

  test('a machine without a compiler installs all the same, with one line that says so', () => {
    // whatever is missing first there (Python, make, a compiler), nothing can be found on this PATH
    const { status, stdout } = install({
      PATH: copy,
      CC: join(copy, 'no-cc'),
      CXX: join(copy, 'no-cxx'),
      PYTHON: 'no-python',
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^layerloom: no native addon \(.+\); everything works without it\n$/);
  });

  test('--force fails loudly', () => {
    expect(
      install({ PATH: copy, CC: join(copy, 'no-cc'), CXX: join(copy, 'no-cxx'), PYTHON: 'no-python' }, '--force')
        .status,
    ).toBe(1);
  });
});

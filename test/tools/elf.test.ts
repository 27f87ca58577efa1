import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findLavapipe } from '../../runtime/node/software-driver.ts';
import { dependencies, lowerGlibc, SharedLibrary } from '../../tools/lavapipe/elf.mjs';

const dawn = join(dirname(createRequire(import.meta.url).resolve('webgpu')), 'dist/linux-x64/dawn.node');
const lavapipe = findLavapipe();

describe.skipIf(!existsSync(dawn))('reading a shared library (dawn.node for Linux)', () => {
  it('lists what it is linked against and which versions it needs', () => {
    const library = new SharedLibrary(dawn);
    expect(library.needed()).toEqual(expect.arrayContaining(['libc.so.6', 'libstdc++.so.6']));
    const versions = library.requiredVersions('libc.so.6');
    expect(versions.has('GLIBC_2.2.5')).toBe(true);
    expect(versions.size).toBeGreaterThan(1);
  });

  it('leaves a library alone that needs no glibc 2.38, and refuses what is none', () => {
    expect(lowerGlibc(new SharedLibrary(dawn))).toBe(false);
    expect(() => new SharedLibrary(new URL(import.meta.url).pathname)).toThrow('not a 64-bit little-endian ELF file');
  });
});

describe.skipIf(!lavapipe)('the adapted lavapipe (npm run setup:lavapipe)', () => {
  if (!lavapipe) return;
  const driver = join(lavapipe.folder, 'lib/libvulkan_lvp.so');

  it('needs nothing beyond glibc 2.37', () => {
    const versions = [...new SharedLibrary(driver).requiredVersions('libc.so.6').keys()];
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((name) => /^GLIBC_2\.(3[89]|[4-9]\d)$/.test(name))).toEqual([]);
  });

  it('lists libraries after the ones that they need', () => {
    const order = dependencies(lavapipe.folder, 'libvulkan_lvp.so');
    expect(order.map((name) => join(lavapipe.folder, 'lib', name))).toEqual(lavapipe.libraries);
    order.forEach((name, at) => {
      const own = new SharedLibrary(join(lavapipe.folder, 'lib', name)).needed();
      for (const needed of own) expect(order.indexOf(needed), `${needed} for ${name}`).toBeLessThan(at);
    });
  });

  it('comes with a wrapper for other programs', () => {
    const shown = execFileSync(join(lavapipe.folder, 'run'), ['sh', '-c', 'echo "$VK_DRIVER_FILES"'], {
      encoding: 'utf8',
    });
    expect(shown.trim()).toBe(lavapipe.manifest);
  });
});

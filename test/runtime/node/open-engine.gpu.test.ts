import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../../runtime/node/cache-folder.ts';
import { findLavapipe } from '../../../runtime/node/software-driver.ts';
import { findSystemDrivers } from '../../../runtime/node/system-drivers.ts';

interface Report {
  driver?: string;
  manifest?: string;
  refused?: { driver: string; reason: string }[];
  sum?: number;
  variables?: (string | null)[];
  device?: string;
  code?: string;
  message?: string;
}

const script = fileURLToPath(new URL('print-driver.ts', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'layerloom-driver-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A bare machine: no manifest in any folder that the loader looks into. */
const BARE = {
  VK_DRIVER_FILES: '',
  VK_ICD_FILENAMES: '',
  LD_LIBRARY_PATH: '',
  LAYERLOOM_DRIVER: '',
  XDG_CONFIG_DIRS: scratch,
  XDG_DATA_DIRS: scratch,
};

async function open(env: Record<string, string>, options: object = {}): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
    env: { ...process.env, ...BARE, ...env },
  });
  return JSON.parse(stdout) as Report;
}

const isBare = findSystemDrivers({ ...process.env, ...BARE }).manifests.length === 0;
const linux = process.platform === 'linux' && process.arch === 'x64';

describe.skipIf(!linux || !isBare)('drivers that need no root (Linux on x86-64 without a driver in /etc)', () => {
  it('unpacks SwiftShader into an empty cache and computes on it', async () => {
    const cache = join(scratch, 'empty');
    const report = await open({ LAYERLOOM_CACHE: cache });
    expect(report).toMatchObject({ driver: 'swiftshader', sum: 6, variables: ['', ''] });
    expect(report.device).toMatch(/SwiftShader/);
    expect(report.refused?.map(({ driver }) => driver)).toEqual(['system', 'lavapipe']);
    expect(readdirSync(cache)).toHaveLength(1); // whole and nothing else: no temporary folder is left
    // Two more at once find it there and leave it alone.
    const [folder] = readdirSync(cache);
    const before = statSync(join(cache, folder, 'libvk_swiftshader.so')).mtimeMs;
    const both = await Promise.all([open({ LAYERLOOM_CACHE: cache }), open({ LAYERLOOM_CACHE: cache })]);
    expect(both.map(({ sum }) => sum)).toEqual([6, 6]);
    expect(statSync(join(cache, folder, 'libvk_swiftshader.so')).mtimeMs).toBe(before);
  });

  it('survives two processes that unpack into one empty cache', async () => {
    const cache = join(scratch, 'race');
    const reports = await Promise.all([0, 1, 2].map(() => open({ LAYERLOOM_CACHE: cache })));
    expect(reports.map(({ driver }) => driver)).toEqual(['swiftshader', 'swiftshader', 'swiftshader']);
    expect(readdirSync(cache).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('takes a cache of its own where the preferred one cannot be made', async () => {
    const file = join(scratch, 'a-file');
    writeFileSync(file, '');
    const temporary = join(scratch, 'tmp');
    mkdirSync(temporary);
    const report = await open({ LAYERLOOM_CACHE: join(file, 'cache'), TMPDIR: temporary });
    expect(report.driver).toBe('swiftshader');
    expect(report.manifest?.startsWith(temporary)).toBe(true);
  });

  it('prefers the lavapipe of the set-up script', async (context) => {
    if (!findLavapipe()) context.skip('lavapipe is not set up (npm run setup:lavapipe)');
    const report = await open({ LAYERLOOM_CACHE: cacheFolder() });
    expect(report).toMatchObject({ driver: 'lavapipe', sum: 6 });
    expect(report.device).toMatch(/llvmpipe/);
  });

  it('uses what VK_DRIVER_FILES names as the system, with a loader of ours where the system has none', async () => {
    const cache = join(scratch, 'empty');
    const { manifest } = await open({ LAYERLOOM_CACHE: cache });
    const report = await open({ LAYERLOOM_CACHE: cache, VK_DRIVER_FILES: manifest ?? '' });
    expect(report).toMatchObject({ driver: 'system', sum: 6, variables: [manifest, ''] });
  });

  it('opens the rung that is asked for, by option or by variable', async () => {
    const cache = join(scratch, 'empty');
    for (const report of [
      await open({ LAYERLOOM_CACHE: cache, LAYERLOOM_DRIVER: 'swiftshader' }),
      await open({ LAYERLOOM_CACHE: cache }, { driver: 'swiftshader' }),
    ])
      expect(report).toMatchObject({ driver: 'swiftshader', refused: [] });
  });

  it('refuses with a remedy', async () => {
    const cache = join(scratch, 'nothing');
    const lavapipe = await open({ LAYERLOOM_CACHE: cache }, { driver: 'lavapipe' });
    expect(lavapipe.message).toMatch(/^engine: no WebGPU adapter\. lavapipe: not set up\. .*npm run setup:lavapipe/);
    const gpu = await open({ LAYERLOOM_CACHE: cache }, { adapter: 'gpu' });
    expect(gpu).toMatchObject({ code: 'E_DEVICE' });
    expect(gpu.message).toMatch(/a GPU was asked for, but there is none.*Install the GPU vendor's Vulkan driver/);
    const unknown = await open({ LAYERLOOM_CACHE: cache, LAYERLOOM_DRIVER: 'llvmpipe' });
    expect(unknown).toMatchObject({
      code: 'E_USAGE',
      message: 'engine: LAYERLOOM_DRIVER is one of system, lavapipe, swiftshader, got "llvmpipe".',
    });
    expect(existsSync(cache)).toBe(false); // a refusal leaves nothing behind
  });

  it('is not content with a software driver where a GPU was asked for', async () => {
    const cache = join(scratch, 'empty');
    const { manifest } = await open({ LAYERLOOM_CACHE: cache });
    const report = await open({ LAYERLOOM_CACHE: cache, VK_DRIVER_FILES: manifest ?? '' }, { adapter: 'gpu' });
    expect(report.message).toMatch(/"SwiftShader.*" is a software driver/);
  });
});

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';
import { makeCacheFolder } from '../../runtime/node/cache-folder.ts';
import { readTar } from '../../runtime/node/tar.ts';

/** A Chromium to drive, and the folder of libraries that it needs beside the system's. */
export interface Chromium {
  readonly executable: string;
  readonly libraries: string | undefined;
}

/** Debian's Chromium, one that LAYERLOOM_CHROMIUM names, or the one in the npm package; or why there is none. */
export async function findChromium(): Promise<Chromium | string> {
  const installed = [process.env.LAYERLOOM_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  for (const executable of installed)
    if (executable && existsSync(executable)) return { executable, libraries: undefined };
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'no Chromium: set LAYERLOOM_CHROMIUM to one';
  let packaged: Chromium;
  try {
    packaged = await unpackChromium();
  } catch (error) {
    return `no Chromium (apt-get install chromium), and that of @sparticuz/chromium: ${String(error)}`;
  }
  const { stdout } = spawnSync('ldd', [packaged.executable], {
    encoding: 'utf8',
    env: { ...process.env, LD_LIBRARY_PATH: packaged.libraries },
  });
  const missing = [...(stdout ?? '').matchAll(/(\S+) => not found/g)].map((match) => match[1]);
  return missing.length > 0
    ? `Chromium of @sparticuz/chromium lacks ${missing.join(', ')}: apt-get install chromium`
    : packaged;
}

/** A running browser whose WebGPU is its own SwiftShader. */
export function launchChromium({ executable, libraries }: Chromium): Promise<Browser> {
  return chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    env: { ...process.env, ...(libraries && { LD_LIBRARY_PATH: libraries }) } as Record<string, string>,
  });
}

/** Unpacks the headless shell into the cache folder, once. */
async function unpackChromium(): Promise<Chromium> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  let home = dirname(entry);
  while (!existsSync(join(home, 'bin/chromium.br'))) home = dirname(home);
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string };
  const cache = await makeCacheFolder();
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) {
    const inflate = async (name: string): Promise<Buffer> =>
      promisify(brotliDecompress)(await readFile(join(home, 'bin', name)));
    const fresh = await mkdtemp(join(cache, '.unpack-'));
    try {
      await mkdir(join(fresh, 'lib'));
      await writeFile(join(fresh, 'chromium'), await inflate('chromium.br'));
      await chmod(join(fresh, 'chromium'), 0o755);
      // Its WebGPU runs on the SwiftShader beside it.
      for (const { name, data } of readTar(await inflate('swiftshader.tar.br')))
        await writeFile(join(fresh, basename(name)), data, { mode: 0o755 });
      for (const { name, data } of readTar(await inflate('al2023.tar.br')))
        await writeFile(join(fresh, 'lib', basename(name)), data, { mode: 0o755 });
      await rename(fresh, folder);
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  return { executable: join(folder, 'chromium'), libraries: join(folder, 'lib') };
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { DeviceError } from '../errors.ts';
import { cacheFolder, makeCacheFolder } from './cache-folder.ts';
import { readTar } from './tar.ts';

/** A Vulkan driver that runs on the CPU, as files that any user can keep in any folder. */
export interface DriverFiles {
  readonly name: 'lavapipe' | 'swiftshader';
  readonly version: string;
  readonly folder: string;
  /** The Vulkan loader's manifest of the driver. */
  readonly manifest: string;
  /** The Vulkan loader itself. */
  readonly loader: string;
  /** Libraries that the driver needs and the system may lack, each after the ones it needs itself. */
  readonly libraries: readonly string[];
}

/** glibc's RTLD_NODELETE. Node closes a library that is no addon; with this flag it stays in the process all the same. */
const KEEP_LOADED = 0x1000;

/** The npm package whose archive carries SwiftShader and a Vulkan loader; later versions need a newer Node than ours. */
export const SWIFTSHADER_PACKAGE = '@sparticuz/chromium@147.0.0';
const SWIFTSHADER_FILES = ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'] as const;

/** The lavapipe that `tools/lavapipe/setup.sh` put into the cache folder, or undefined if there is none, or half of one. */
export function findLavapipe(folder = join(cacheFolder(), 'lavapipe')): DriverFiles | undefined {
  let record: { version?: unknown; loader?: unknown; manifest?: unknown; libraries?: unknown };
  try {
    record = JSON.parse(readFileSync(join(folder, 'driver.json'), 'utf8')) as typeof record; // the set-up's last file
  } catch {
    return undefined;
  }
  const { version, loader, manifest, libraries } = record;
  if (typeof version !== 'string' || typeof loader !== 'string' || typeof manifest !== 'string') return undefined;
  if (!Array.isArray(libraries)) return undefined;
  const inside = (name: string): string => (isAbsolute(name) ? name : join(folder, name));
  const files = {
    name: 'lavapipe' as const,
    version,
    folder,
    manifest: inside(manifest),
    loader: inside(loader),
    libraries: libraries.map((name) => inside(String(name))),
  };
  return [files.manifest, files.loader, ...files.libraries].every((path) => existsSync(path)) ? files : undefined;
}

/**
 * SwiftShader out of the npm package `@sparticuz/chromium`, unpacked into the cache folder once per package version;
 * or one that an earlier run unpacked, where the package itself is no longer there.
 *
 * @throws DeviceError `no-adapter` if the package is missing or its archive is broken
 */
export async function unpackSwiftShader(): Promise<DriverFiles> {
  const found = findSwiftShaderPackage();
  if (!found) {
    const earlier = findUnpackedSwiftShader();
    if (earlier) return earlier;
    throw new DeviceError(
      'no-adapter',
      `engine: no software Vulkan driver at hand. Install one: npm install ${SWIFTSHADER_PACKAGE}.`,
    );
  }
  const cache = await makeCacheFolder();
  const folder = join(cache, `swiftshader-${found.version}`);
  if (!existsSync(folder)) {
    let files;
    try {
      files = readTar(await promisify(brotliDecompress)(await readFile(found.archive)));
    } catch (cause) {
      throw new DeviceError(
        'no-adapter',
        `engine: ${found.archive} is broken (${String(cause)}). Install it anew: npm install ${SWIFTSHADER_PACKAGE}.`,
        { cause },
      );
    }
    const temporary = await mkdtemp(join(cache, '.unpack-'));
    try {
      for (const name of SWIFTSHADER_FILES) {
        const file = files.find((candidate) => candidate.name === name);
        if (!file) throw new DeviceError('no-adapter', `engine: ${found.archive} has no ${name}.`);
        await writeFile(join(temporary, name), file.data, { mode: name.endsWith('.json') ? 0o644 : 0o755 });
      }
      await rename(temporary, folder); // whole or not at all: other processes may look at any moment
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (!existsSync(folder)) throw error; // else another process was first: its copy is the same
    }
  }
  return swiftShaderIn(folder, found.version);
}

function swiftShaderIn(folder: string, version: string): DriverFiles {
  const [loader, , manifest] = SWIFTSHADER_FILES;
  return {
    name: 'swiftshader',
    version,
    folder,
    manifest: join(folder, manifest),
    loader: join(folder, loader),
    libraries: [],
  };
}

/** The package, seen from this module or from the app's folder. */
function findSwiftShaderPackage(): { archive: string; version: string } | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined; // the archive holds x86-64 Linux files
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]) {
    try {
      // Its "exports" hide package.json and bin/: walk up from the entry point.
      const entry = createRequire(from).resolve('@sparticuz/chromium');
      for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
        const archive = join(folder, 'bin', 'swiftshader.tar.br');
        if (!existsSync(archive)) continue;
        const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
        return { archive, version };
      }
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

function findUnpackedSwiftShader(): DriverFiles | undefined {
  const cache = cacheFolder();
  if (!existsSync(cache)) return undefined;
  const names = readdirSync(cache).filter((name) => name.startsWith('swiftshader-'));
  const newest = names.sort().at(-1);
  return newest === undefined ? undefined : swiftShaderIn(join(cache, newest), newest.slice('swiftshader-'.length));
}

/**
 * Loads a Vulkan loader, and libraries that its driver needs, into this process for good.
 *
 * Dawn opens `libvulkan.so.1` by name, and the driver names its libraries likewise; the dynamic linker answers both
 * with a library of that name that the process already holds. So nothing has to be installed, no environment variable
 * has to be there before the process starts, and `node_modules` is left as it is.
 *
 * @throws DeviceError `no-adapter` if the linker refuses one, with its reason
 */
export function preloadLibraries(files: Pick<DriverFiles, 'loader' | 'libraries'>): void {
  for (const path of [...files.libraries, files.loader]) {
    try {
      process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | KEEP_LOADED);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (reason.includes('did not self-register')) continue; // loaded; it is only no addon of Node
      throw new DeviceError('no-adapter', `engine: ${path} cannot be loaded: ${reason}.`, { cause });
    }
  }
}

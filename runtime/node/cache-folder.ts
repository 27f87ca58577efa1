import { lstat, mkdir } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DeviceError } from '../errors.ts';

/**
 * Folder for what can be made again (unpacked drivers): `$LAYERLOOM_CACHE`, else `layerloom` below `$XDG_CACHE_HOME` or
 * `~/.cache`. The folder need not exist.
 */
export function cacheFolder(): string {
  if (process.env.LAYERLOOM_CACHE) return process.env.LAYERLOOM_CACHE;
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'layerloom');
}

/**
 * Makes the cache folder, or where that is refused (read-only home, no home) one of this user below the system's
 * temporary folder.
 *
 * @throws DeviceError `no-adapter` if neither can be made, or the temporary one belongs to somebody else: drivers are
 *   code, and code is not loaded from a folder that another user can write
 */
export async function makeCacheFolder(): Promise<string> {
  const preferred = cacheFolder();
  try {
    await mkdir(preferred, { recursive: true });
    return preferred;
  } catch (cause) {
    const { uid, username } = userInfo();
    const fallback = join(tmpdir(), `layerloom-${uid === -1 ? username : uid}`);
    try {
      await mkdir(fallback, { recursive: true, mode: 0o700 });
      const status = await lstat(fallback);
      if (status.isDirectory() && (uid === -1 || (status.uid === uid && (status.mode & 0o022) === 0))) return fallback;
    } catch {
      // Neither folder: the error below names the preferred one.
    }
    throw new DeviceError(
      'no-adapter',
      `engine: the cache folder ${preferred} cannot be made. Set LAYERLOOM_CACHE to a folder that you can write.`,
      { cause },
    );
  }
}

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { layOutSafetensors } from '../safetensors/writer.ts';
import type { TensorToWrite } from '../safetensors/writer.ts';

/**
 * Writes a file so that under its name there is never half of it: into `.<name>.<random>.incomplete` in the same
 * folder, flushed to disk, then renamed. Where that fails or is aborted the temporary file is removed and whatever was
 * there before stays.
 */
export async function writeFileAtomic(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.incomplete`);
  const handle = await open(temporary, 'wx');
  try {
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length;) {
          signal?.throwIfAborted();
          // at most 64 MiB at a time: an abort is noticed soon, and no write reaches the 2 GiB that Linux allows
          const { bytesWritten } = await handle.write(piece, at, Math.min(64 << 20, piece.length - at));
          at += bytesWritten;
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a safetensors file, all of it or nothing. @throws as `layOutSafetensors`, or the error of the file system. */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata?: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<void> {
  await writeFileAtomic(path, layOutSafetensors(tensors, metadata).pieces, signal);
}

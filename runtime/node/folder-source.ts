import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { FolderSource } from '../io/folder-source.ts';
import { fileSource } from './file-source.ts';
import type { FileSourceOptions } from './file-source.ts';

/**
 * A folder on disk. A link inside it may lead to another file inside it, never out of it; in the download cache of
 * huggingface_hub (`models--*\/snapshots/<commit>/...`) files are links to `models--*\/blobs`, which is allowed.
 * @throws CheckpointError `not-a-folder`.
 */
export async function folderSource(path: string, options: FileSourceOptions = {}): Promise<FolderSource> {
  const refuse = (reason: string, cause?: unknown): CheckpointError =>
    new CheckpointError(
      `${path}: cannot be opened as a folder (${reason}). Check the path.`,
      { rule: 'not-a-folder', path },
      { cause },
    );
  let root: string;
  let isFolder: boolean;
  try {
    root = await realpath(path);
    isFolder = (await stat(root)).isDirectory();
  } catch (error) {
    throw refuse(error instanceof Error ? error.message.split(',')[0] : String(error), error);
  }
  if (!isFolder) throw refuse('it is not a folder');
  const blobs = await blobFolder(root);
  return {
    name: path,
    async open(baseName) {
      if (baseName === '' || baseName.startsWith('.') || basename(baseName) !== baseName || /[\\/:\0]/.test(baseName))
        throw new CheckpointError(`${path}: only plain file names are opened, got ${JSON.stringify(baseName)}.`, {
          rule: 'shard-name',
          path,
        });
      let target: string;
      try {
        target = await realpath(join(root, baseName));
      } catch {
        return undefined; // missing, or a link to nowhere
      }
      const folder = dirname(target);
      if (folder !== root && (blobs === undefined || folder !== blobs))
        throw new CheckpointError(
          `${path}: ${JSON.stringify(baseName)} is a link that leads out of the folder. Put the file itself there.`,
          { rule: 'shard-outside', path },
        );
      if (!(await stat(target)).isFile()) return undefined;
      // the link is resolved here, once: what is opened is what was checked
      return renamed(await fileSource(target, options), join(path, baseName));
    },
    async list() {
      return readdir(root);
    },
  };
}

/** The `blobs` folder of the huggingface_hub cache that a folder belongs to. */
async function blobFolder(root: string): Promise<string | undefined> {
  const parts = root.split(sep);
  for (let i = parts.length - 1; i >= 2; i--) {
    if (parts[i - 1] !== 'snapshots' || !/^(models|datasets)--/.test(parts[i - 2] ?? '')) continue;
    const blobs = [...parts.slice(0, i - 1), 'blobs'].join(sep);
    try {
      return (await realpath(blobs)) === blobs ? blobs : undefined;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The same source under the name that the caller knows. */
function renamed(source: Awaited<ReturnType<typeof fileSource>>, name: string) {
  return {
    name,
    byteLength: source.byteLength,
    read: (begin: number, end: number, signal?: AbortSignal) => source.read(begin, end, signal),
    close: () => source.close(),
  };
}

import { CheckpointError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/** The files of one folder, by base name: a folder on disk, a set of URLs, files that a user dropped on a page. */
export interface FolderSource {
  /** What error messages call it. */
  readonly name: string;
  /**
   * Opens a file. Only base names are asked for; an implementation over a file system never leaves its folder.
   * @returns undefined where there is no regular file of that name.
   * @throws CheckpointError `shard-outside` where the name is a link that leads out of the folder.
   */
  open(baseName: string): Promise<ByteSource | undefined>;
  /** Base names in the folder, where they can be listed: for better messages only. */
  list?(): Promise<readonly string[]>;
}

/** A folder of files in memory. */
export function memoryFolder(files: ReadonlyMap<string, ByteSource>, name: string): FolderSource {
  return {
    name,
    async open(baseName) {
      return files.get(baseName);
    },
    async list() {
      return [...files.keys()];
    },
  };
}

/** The whole of a small text file, such as a config; undefined where it is not there. @param maxBytes Its limit. */
export async function readWhole(
  folder: FolderSource,
  baseName: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const source = await folder.open(baseName);
  if (source === undefined) return undefined;
  try {
    if (source.byteLength > maxBytes)
      throw new CheckpointError(
        `${source.name}: may be at most ${maxBytes} bytes, got ${source.byteLength}. Is this the right file?`,
        { rule: 'file-too-large', path: source.name },
      );
    return await source.read(0, source.byteLength, signal);
  } finally {
    await source.close();
  }
}

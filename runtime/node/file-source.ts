import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { checkRange, closedError } from '../io/byte-source.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { loadNative } from './native.ts';

export interface FileSourceOptions {
  /**
   * Hand out views of the mapped file instead of copies, where the native addon is built: about 1.7 times as fast from
   * the page cache. Off by default, because a file that is cut off while it is mapped ends the process (SIGBUS); with
   * plain reads that is a typed error.
   */
  readonly map?: boolean;
}

/** Four reads of 16 MiB in flight: the fastest of what was measured, and each far below libuv's 2 GiB. */
const PIECE = 16 << 20;
const LANES = 4;
/** Mapped windows stay below what N-API can hand over. */
const MAX_WINDOW = 0xffff_0000;

/** What must not change between opening a file and reading it. */
interface FileState {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/**
 * A file on disk. No handle is kept open between reads, so any number of shards can be open; each read opens the file,
 * makes sure that it is still the one that was opened (device, inode, size, modification time), and looks again when it
 * is done.
 * @throws CheckpointError `not-a-file` where the path is no regular file, or cannot be opened.
 */
export async function fileSource(path: string, options: FileSourceOptions = {}): Promise<ByteSource> {
  const { state } = await withFile(path, async () => undefined);
  return new FileSource(path, state, options.map === true);
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly byteLength: number;
  readonly #state: FileState;
  readonly #isMapped: boolean;
  #isOpen = true;

  constructor(path: string, state: FileState, isMapped: boolean) {
    this.name = path;
    this.byteLength = Number(state.size);
    this.#state = state;
    this.#isMapped = isMapped;
  }

  async read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (!this.#isOpen) throw closedError(this.name);
    checkRange(this, begin, end);
    const native = this.#isMapped ? loadNative() : undefined;
    const { value, state } = await withFile(this.name, async (handle) => {
      if (native !== undefined && end > begin && end - begin <= MAX_WINDOW) {
        try {
          return native.mapFile(this.name, begin, end - begin);
        } catch {
          // no address space, a file system that cannot map, a file that was cut off: plain reads work or say why not
        }
      }
      return readAll(handle, this.name, begin, end, signal);
    });
    const { dev, ino, size, mtimeNs } = this.#state;
    if (state.dev !== dev || state.ino !== ino || state.size !== size || state.mtimeNs !== mtimeNs)
      throw new CheckpointError(
        `${this.name}: was changed while in use (size ${size} then ${state.size}). Wait until it is written, then open it again.`,
        { rule: 'file-changed', path: this.name },
      );
    return value;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
  }
}

/** Opens the file, runs `use`, and returns the state of the file after that. */
async function withFile<T>(
  path: string,
  use: (handle: FileHandle) => Promise<T>,
): Promise<{ value: T; state: FileState }> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw new CheckpointError(
      `${path}: cannot be opened (${codeOf(error)}). Check the path and its permissions.`,
      {
        rule: 'not-a-file',
        path,
      },
      { cause: error },
    );
  }
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile())
      throw new CheckpointError(`${path}: is not a regular file. Give the path of a file.`, {
        rule: 'not-a-file',
        path,
      });
    const value = await use(handle);
    return { value, state: await handle.stat({ bigint: true }) };
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

async function readAll(
  handle: FileHandle,
  path: string,
  begin: number,
  end: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < bytes.length) {
      const at = next;
      const length = Math.min(PIECE, bytes.length - at);
      next += length;
      for (let done = 0; done < length;) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(bytes, at + done, length - done, begin + at + done);
        if (bytesRead === 0)
          throw new CheckpointError(
            `${path}: ended at byte ${begin + at + done} while bytes ${begin}..${end} were read: it was cut off. ` +
              'Wait until it is written, then open it again.',
            { rule: 'file-changed', path },
          );
        done += bytesRead;
      }
    }
  };
  // all lanes come to rest before the handle is closed, also where one of them fails
  const outcomes = await Promise.allSettled(
    Array.from({ length: Math.min(LANES, Math.ceil(bytes.length / PIECE)) }, lane),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return bytes;
}

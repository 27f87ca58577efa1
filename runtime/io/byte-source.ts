import { CheckpointError } from '../errors.ts';

/**
 * Bytes that can be read by range: a file, a piece of memory, an HTTP resource.
 *
 * A source never hands out more than was asked for, and readers ask for what they need only: opening a 40 GB
 * checkpoint reads its header.
 */
export interface ByteSource {
  /** What error messages call it: a path, URL or label, as the caller named it. */
  readonly name: string;
  /** Size in bytes when it was opened. */
  readonly byteLength: number;
  /**
   * Bytes `begin` (inclusive) to `end` (exclusive); 0 <= begin <= end <= byteLength.
   * The array may be a view of a larger buffer at any byteOffset: do not write into it.
   * @throws CheckpointError `range` for a range outside the source, `file-changed` where the source is no longer what
   *   was opened; the signal's reason when it is aborted.
   */
  read(begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Gives the file handle back. Closing twice is harmless; reading afterwards throws. */
  close(): Promise<void>;
}

/** Longest range that one read may ask for: a typed array of Node 20 ends at 4 GiB. */
export const MAX_READ = 0xffff_ffff;

/**
 * Checks a range before it is read.
 * @throws CheckpointError `range`.
 */
export function checkRange(source: ByteSource, begin: number, end: number): void {
  const ok = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end;
  if (!ok || end > source.byteLength)
    throw new CheckpointError(
      `${source.name}: a range must lie within 0..${source.byteLength}, got ${begin}..${end}. Reopen the file.`,
      { rule: 'range', path: source.name },
    );
  if (end - begin > MAX_READ)
    throw new CheckpointError(
      `${source.name}: one read is at most ${MAX_READ} bytes, got ${end - begin}. Read it in pieces.`,
      { rule: 'range', path: source.name },
    );
}

/** A source over bytes that are already in memory. They are not copied: do not change them while it is in use. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  let isOpen = true;
  const source: ByteSource = {
    name,
    byteLength: bytes.byteLength,
    // async, so that a bad range rejects as it does for every other source
    async read(begin, end, signal) {
      signal?.throwIfAborted();
      if (!isOpen) throw closedError(name);
      checkRange(source, begin, end);
      return bytes.subarray(begin, end);
    },
    async close() {
      isOpen = false;
    },
  };
  return source;
}

/** The error of every source that is read after `close()`. */
export function closedError(name: string): CheckpointError {
  return new CheckpointError(`${name}: was closed. Open it again to read from it.`, { rule: 'closed', path: name });
}

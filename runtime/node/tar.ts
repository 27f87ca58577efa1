/** A regular file in a tar archive. */
export interface TarFile {
  readonly name: string;
  /** A view into the archive. */
  readonly data: Uint8Array;
}

const BLOCK = 512;

/**
 * Lists the regular files of an uncompressed tar archive (POSIX ustar: 512-byte headers, octal sizes). Other kinds of
 * entries are passed over.
 *
 * @throws RangeError if a header's checksum or size is wrong, or the archive is cut
 */
export function readTar(archive: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  let offset = 0;
  while (offset + BLOCK <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) return files; // an empty block ends the archive
    // The checksum counts its own eight bytes as spaces.
    const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    if (octal(header, 148, 8) !== sum) throw new RangeError(`tar: header at byte ${offset} has a wrong checksum`);
    const size = octal(header, 124, 12);
    const start = offset + BLOCK;
    if (start + size > archive.length)
      throw new RangeError(`tar: file at byte ${offset} has ${size} bytes, ${archive.length - start} are left`);
    const prefix = text(header, 345, 155);
    const name = text(header, 0, 100);
    const kind = header[156];
    if (kind === 0 || kind === 0x30)
      files.push({ name: prefix ? `${prefix}/${name}` : name, data: archive.subarray(start, start + size) });
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new RangeError(`tar: the archive ends at byte ${archive.length} without its end mark`);
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw new RangeError(`tar: "${digits}" is not an octal number`);
  return parseInt(digits, 8);
}

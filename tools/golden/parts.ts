import { deflateSync, gzipSync } from 'node:zlib';
import { crc32 } from '../../runtime/io/inflate.ts';

/** One step of a recipe that builds a file's bytes; see `test/golden/files.md`. */
export type Part =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly u64: string }
  | { readonly zeros: number }
  | { readonly repeat: string; readonly times: number }
  | { readonly each: string; readonly from: number; readonly to: number; readonly join?: string }
  | { readonly sized: readonly Part[] }
  | { readonly gzip: readonly Part[] }
  | { readonly zlib: readonly Part[] }
  | { readonly chunk: string; readonly data: readonly Part[] };

/** Builds the bytes of a recipe. @throws Error for a part that is not in the list above. */
export function buildParts(parts: readonly Part[]): Uint8Array {
  return Buffer.concat(parts.map(buildPart));
}

function buildPart(part: Part): Uint8Array {
  if ('text' in part) return Buffer.from(part.text, 'utf8');
  if ('base64' in part) return Buffer.from(part.base64, 'base64');
  if ('u64' in part) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(part.u64));
    return bytes;
  }
  if ('zeros' in part) return Buffer.alloc(part.zeros);
  if ('repeat' in part) return Buffer.from(part.repeat.repeat(part.times), 'utf8');
  if ('each' in part) {
    const items = Array.from({ length: part.to - part.from }, (_, i) => part.each.replaceAll('#', `${part.from + i}`));
    return Buffer.from(items.join(part.join ?? ''), 'utf8');
  }
  if ('sized' in part) {
    const body = buildParts(part.sized);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(body.length));
    return Buffer.concat([length, body]);
  }
  if ('gzip' in part) return gzipSync(buildParts(part.gzip), { level: 9 });
  if ('zlib' in part) return deflateSync(buildParts(part.zlib), { level: 9 });
  if ('chunk' in part) {
    const typed = Buffer.concat([Buffer.from(part.chunk, 'latin1'), buildParts(part.data)]);
    const chunk = Buffer.alloc(typed.length + 8);
    chunk.writeUInt32BE(typed.length - 4);
    chunk.set(typed, 4);
    chunk.writeUInt32BE(crc32(typed), typed.length + 4);
    return chunk;
  }
  throw new Error(`golden files: unknown part ${JSON.stringify(part).slice(0, 80)}`);
}

import { ShapeError, UsageError } from '../errors.ts';
import { quote } from '../io/strict-json.ts';
import { exactByteLength, safetensorsBits } from './dtype.ts';
import type { SafetensorsDType } from './dtype.ts';

/** A tensor to be written. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Row-major, little-endian: the bytes, or a typed array over them. */
  readonly data: ArrayBufferView;
}

/** The pieces of a safetensors file in order: header, then one piece a tensor. Writing them one by one needs no copy. */
export interface SafetensorsPieces {
  readonly byteLength: number;
  readonly pieces: readonly Uint8Array[];
}

/**
 * Lays out a safetensors file. The header is padded with spaces to a multiple of 8, and tensors with larger items come
 * first (otherwise in the order given), so that every tensor starts at a multiple of its item size.
 * @throws UsageError for a name that is `__metadata__`, used twice or not well-formed Unicode; ShapeError where data and
 *   shape disagree.
 */
export function layOutSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata?: ReadonlyMap<string, string>,
): SafetensorsPieces {
  const sorted = [...tensors].sort((a, b) => itemBytes(b.dtype) - itemBytes(a.dtype));
  // written by hand, not from an object: an object would lose the name __proto__ and reorder names like "7"
  const entries: string[] = [];
  if (metadata !== undefined && metadata.size > 0)
    entries.push(`"__metadata__":${object([...metadata].map(([key, text]) => [key, JSON.stringify(text)]))}`);
  const names = new Set<string>();
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (name === '__metadata__' || names.has(name) || /\p{Surrogate}/u.test(name))
      throw new UsageError(
        `safetensors: a tensor name must be well-formed, unique and not __metadata__, got ${quote(name)}. Rename it.`,
      );
    names.add(name);
    const expected = shape.every((n) => Number.isSafeInteger(n) && n >= 0) ? exactByteLength(dtype, shape) : undefined;
    if (expected !== BigInt(data.byteLength))
      throw new ShapeError(
        `safetensors: tensor ${quote(name)}: ${dtype} ${quote(shape)} takes ${expected ?? 'no whole number of'} bytes, ` +
          `got ${data.byteLength}.`,
      );
    const end = at + data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:${object([
        ['dtype', JSON.stringify(dtype)],
        ['shape', JSON.stringify(shape)],
        ['data_offsets', `[${at},${end}]`],
      ])}`,
    );
    pieces.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at = end;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return { byteLength: header.length + at, pieces: [header, ...pieces] };
}

/** A whole safetensors file in memory. @throws as `layOutSafetensors`. */
export function encodeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata?: ReadonlyMap<string, string>,
): Uint8Array {
  const { byteLength, pieces } = layOutSafetensors(tensors, metadata);
  const file = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}

function object(fields: readonly (readonly [key: string, json: string])[]): string {
  return `{${fields.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

/** Bytes that a tensor of this dtype should be aligned to. */
function itemBytes(dtype: SafetensorsDType): number {
  return Math.max(1, safetensorsBits(dtype) / 8);
}

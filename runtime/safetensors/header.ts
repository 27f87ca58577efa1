import { CheckpointError } from '../errors.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { isJsonObject, jsonField, parseStrictJson, quote } from '../io/strict-json.ts';
import type { JsonValue } from '../io/strict-json.ts';
import { exactByteLength, isSafetensorsDType } from './dtype.ts';
import type { SafetensorsDType } from './dtype.ts';
import { foreignFormat } from './foreign.ts';

/** Dtype, shape and size of a stored tensor. */
export interface TensorInfo {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Bytes as stored. */
  readonly byteLength: number;
}

/** A tensor of one file, and where its bytes lie in that file (not in its data section). */
export interface TensorEntry extends TensorInfo {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** A validated header. */
export interface SafetensorsHeader {
  /** `__metadata__`, or undefined where the file has none. */
  readonly metadata: ReadonlyMap<string, string> | undefined;
  /** Tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Bytes before the data section: 8 + N. */
  readonly dataBegin: number;
}

export interface HeaderOptions {
  /** Longest header accepted, bytes. Default 32 MiB (inclusive); the reference library stops at 100 MB. */
  readonly maxHeaderBytes?: number;
}

/** Default of `HeaderOptions.maxHeaderBytes`. */
export const MAX_HEADER_BYTES = 33_554_432;

/** Deepest JSON nesting of a header; a valid one needs 3. */
export const MAX_HEADER_DEPTH = 16;

/**
 * Reads and validates the header of a safetensors file: 8 bytes, then the header, nothing else.
 *
 * Rules and their order are those of `test/golden/files.md` section 2, which are the reference library's (huggingface
 * safetensors 0.8, `tensor.rs`) plus what JavaScript needs: no duplicate keys, no integer above 2^53 - 1.
 * @throws CheckpointError with the broken rule.
 */
export async function readHeader(
  source: ByteSource,
  options: HeaderOptions = {},
  signal?: AbortSignal,
): Promise<SafetensorsHeader> {
  const path = source.name;
  const limit = options.maxHeaderBytes ?? MAX_HEADER_BYTES;
  if (source.byteLength < 8)
    throw new CheckpointError(
      `${path}: a safetensors file starts with 8 bytes of header length, got ${source.byteLength} bytes in all. ` +
        'Fetch the file again.',
      { rule: 'header-too-small', path },
    );
  const start = await source.read(0, Math.min(source.byteLength, 64), signal);
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(limit)) {
    refuseForeign(start, path);
    throw new CheckpointError(
      `${path}: the header may be at most ${limit} bytes, the file claims ${length}. Is this a safetensors file?`,
      { rule: 'header-too-large', path },
    );
  }
  const dataBegin = 8 + Number(length);
  if (dataBegin > source.byteLength) {
    refuseForeign(start, path);
    throw new CheckpointError(
      `${path}: the header ends at byte ${dataBegin}, past the end of the file (${source.byteLength}). ` +
        'Fetch the file again.',
      { rule: 'header-truncated', path },
    );
  }
  return parseHeader(await source.read(8, dataBegin, signal), source.byteLength, path);
}

function refuseForeign(start: Uint8Array, path: string): void {
  const format = foreignFormat(start);
  if (format !== undefined)
    throw new CheckpointError(`${path}: expected a safetensors file, got ${format.what}. ${format.remedy}`, {
      rule: 'not-safetensors',
      path,
    });
}

/**
 * Validates the N bytes of a header.
 * @param header The JSON bytes, without the 8 bytes of length.
 * @param fileByteLength Size of the whole file, which the offsets must fill exactly.
 * @throws CheckpointError with the broken rule, and the tensor where one is at fault.
 */
export function parseHeader(header: Uint8Array, fileByteLength: number, path: string): SafetensorsHeader {
  const { value, keys } = parseStrictJson(header, MAX_HEADER_DEPTH, (fault, detail) => {
    const rule = fault === 'duplicate-key' ? fault : `header-${fault}`;
    throw new CheckpointError(`${path}: the header must be one JSON object, but ${detail}.`, { rule, path });
  });
  if (!isJsonObject(value))
    throw new CheckpointError(`${path}: the header must be a JSON object, got ${quote(value)}.`, {
      rule: 'header-not-object',
      path,
    });
  const dataBegin = 8 + header.byteLength;
  let metadata: Map<string, string> | undefined;
  const entries: TensorEntry[] = [];
  for (const name of keys) {
    const entry = jsonField(value, name) ?? null;
    if (/\p{Surrogate}/u.test(name))
      refuse(path, name, 'bad-name', 'a tensor name must be well-formed Unicode, this one has a lone surrogate');
    if (name === '__metadata__') metadata = parseMetadata(entry, path);
    else entries.push(parseEntry(name, entry, dataBegin, path));
  }
  checkLayout(entries, dataBegin, fileByteLength, path);
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])), dataBegin };
}

function refuse(path: string, tensor: string, rule: string, what: string): never {
  throw new CheckpointError(`${path}: tensor ${quote(tensor)}: ${what}.`, { rule, path, tensor });
}

function parseMetadata(entry: JsonValue, path: string): Map<string, string> {
  const metadata = new Map<string, string>();
  if (!isJsonObject(entry))
    throw new CheckpointError(`${path}: __metadata__ must be an object of strings, got ${quote(entry)}.`, {
      rule: 'bad-metadata',
      path,
    });
  for (const [key, text] of Object.entries(entry)) {
    if (typeof text !== 'string')
      throw new CheckpointError(`${path}: __metadata__ ${quote(key)} must be a string, got ${quote(text)}.`, {
        rule: 'bad-metadata',
        path,
      });
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(name: string, entry: JsonValue, dataBegin: number, path: string): TensorEntry {
  if (!isJsonObject(entry)) return refuse(path, name, 'bad-entry', `its entry must be an object, got ${quote(entry)}`);
  const dtype = jsonField(entry, 'dtype');
  const shape = jsonField(entry, 'shape');
  const offsets = jsonField(entry, 'data_offsets');
  if (dtype === undefined || shape === undefined || offsets === undefined)
    return refuse(path, name, 'bad-entry', 'its entry must have dtype, shape and data_offsets');
  if (typeof dtype !== 'string' || !isSafetensorsDType(dtype))
    return refuse(path, name, 'bad-dtype', `dtype must be one of the 22 of the format, got ${quote(dtype)}`);
  const sizes = naturals(shape);
  if (sizes === undefined)
    return refuse(path, name, 'bad-shape', `shape must be a list of integers >= 0, got ${quote(shape)}`);
  const range = naturals(offsets);
  if (range === undefined || range.length !== 2)
    return refuse(path, name, 'bad-offsets', `data_offsets must be two integers >= 0, got ${quote(offsets)}`);
  const unsafe = [...sizes, ...range].find((n) => n > Number.MAX_SAFE_INTEGER);
  if (unsafe !== undefined)
    return refuse(path, name, 'unsafe-integer', `integers must be at most 2^53 - 1, got ${unsafe}`);
  const [begin = 0, end = 0] = range;
  if (begin > end)
    return refuse(path, name, 'bad-offsets', `data_offsets must not run backwards, got ${begin}..${end}`);
  const bytes = exactByteLength(dtype, sizes);
  if (bytes === undefined) return refuse(path, name, 'sub-byte', `${dtype} ${quote(sizes)} does not fill whole bytes`);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER))
    return refuse(path, name, 'shape-overflow', `${dtype} ${quote(sizes)} takes more than 2^53 - 1 bytes`);
  if (bytes !== BigInt(end - begin))
    return refuse(
      path,
      name,
      'size-mismatch',
      `${dtype} ${quote(sizes)} takes ${bytes} bytes, data_offsets give ${end - begin}`,
    );
  return { name, dtype, shape: sizes, byteLength: end - begin, begin: dataBegin + begin, end: dataBegin + end };
}

/**
 * The list of integers >= 0 that a JSON value is, or undefined. Values past 2^53 - 1 are kept for the caller to name;
 * 1e400 arrives as Infinity and counts as such.
 */
function naturals(value: JsonValue): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers: number[] = [];
  for (const n of value) {
    if (typeof n !== 'number' || n < 0 || !(Number.isInteger(n) || n === Infinity)) return undefined;
    numbers.push(n);
  }
  return numbers;
}

/** The data section must be filled exactly: no hole, no overlap (many names on few bytes), no tail (polyglot files). */
function checkLayout(entries: readonly TensorEntry[], dataBegin: number, fileByteLength: number, path: string): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = dataBegin;
  for (const { name, begin, end } of sorted) {
    if (begin < at)
      refuse(path, name, 'offset-overlap', `starts at byte ${begin}, inside the tensor before it (ends at ${at})`);
    if (begin > at)
      refuse(path, name, 'offset-hole', `starts at byte ${begin}, but the bytes from ${at} on belong to no tensor`);
    at = end;
  }
  const last = sorted.at(-1);
  if (at > fileByteLength)
    throw new CheckpointError(
      `${path}: tensor ${quote(last?.name ?? '')} ends at byte ${at}, past the end of the file (${fileByteLength}). ` +
        'Fetch the file again.',
      { rule: 'file-truncated', path, ...(last && { tensor: last.name }) },
    );
  if (at < fileByteLength)
    throw new CheckpointError(
      `${path}: the last tensor ends at byte ${at}, but the file has ${fileByteLength - at} more bytes. ` +
        'Fetch the file again.',
      { rule: 'trailing-bytes', path },
    );
}

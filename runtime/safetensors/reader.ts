import { CheckpointError } from '../errors.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { quote } from '../io/strict-json.ts';
import { missingTensor } from '../weights/missing-tensor.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { asU16, bf16ToF32, f16ToF32, isFloatDType, toF32 } from './convert.ts';
import { readHeader } from './header.ts';
import type { HeaderOptions, SafetensorsHeader, TensorEntry, TensorInfo } from './header.ts';

/** Bulk conversions that a faster implementation (the native addon) may replace. */
export interface BulkConvert {
  bf16ToF32(codes: Uint16Array): Float32Array;
  f16ToF32(codes: Uint16Array): Float32Array;
}

export interface SafetensorsOptions extends HeaderOptions {
  /** Conversions of `readF32`; the TypeScript ones by default. */
  readonly convert?: BulkConvert;
}

const IN_TYPESCRIPT: BulkConvert = { bf16ToF32, f16ToF32 };

/** One opened safetensors file. */
export class SafetensorsFile implements WeightSource {
  readonly name: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly header: SafetensorsHeader;
  readonly #source: ByteSource;
  readonly #convert: BulkConvert;

  /** Use `openSafetensors`. @param header The validated header of `source`. */
  constructor(source: ByteSource, header: SafetensorsHeader, convert: BulkConvert = IN_TYPESCRIPT) {
    this.name = source.name;
    this.metadata = header.metadata ?? new Map();
    this.header = header;
    this.#source = source;
    this.#convert = convert;
  }

  names(): Iterable<string> {
    return this.header.tensors.keys();
  }

  info(name: string): TensorInfo | undefined {
    return this.header.tensors.get(name);
  }

  async readRaw(name: string, signal?: AbortSignal): Promise<Uint8Array> {
    const { begin, end } = this.#entry(name);
    return this.#source.read(begin, end, signal);
  }

  async readRange(name: string, begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array> {
    const entry = this.#entry(name);
    if (!(begin >= 0 && begin <= end && end <= entry.byteLength))
      throw new CheckpointError(
        `${this.name}: tensor ${quote(name)}: a range must lie within 0..${entry.byteLength}, got ${begin}..${end}.`,
        { rule: 'range', path: this.name, tensor: name },
      );
    return this.#source.read(entry.begin + begin, entry.begin + end, signal);
  }

  async readF32(name: string, signal?: AbortSignal): Promise<Float32Array> {
    const { dtype } = this.#entry(name);
    if (!isFloatDType(dtype))
      throw new CheckpointError(
        `${this.name}: tensor ${quote(name)}: only F8_E4M3, F8_E5M2, F16, BF16, F32 and F64 are read as numbers, ` +
          `got ${dtype}. Use an edition of the checkpoint in one of them.`,
        { rule: 'unsupported-dtype', path: this.name, tensor: name },
      );
    const bytes = await this.readRaw(name, signal);
    if (dtype === 'BF16') return this.#convert.bf16ToF32(asU16(bytes));
    if (dtype === 'F16') return this.#convert.f16ToF32(asU16(bytes));
    return toF32(dtype, bytes);
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  #entry(name: string): TensorEntry {
    const entry = this.header.tensors.get(name);
    if (entry === undefined) throw missingTensor(this.name, name);
    return entry;
  }
}

/**
 * Opens a safetensors file: reads and validates its header, nothing else. Where that fails the source is closed.
 * @throws CheckpointError with the broken rule, see `readHeader`.
 */
export async function openSafetensors(
  source: ByteSource,
  options: SafetensorsOptions = {},
  signal?: AbortSignal,
): Promise<SafetensorsFile> {
  try {
    return new SafetensorsFile(source, await readHeader(source, options, signal), options.convert);
  } catch (error) {
    await source.close();
    throw error;
  }
}

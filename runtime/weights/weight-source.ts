import type { TensorInfo } from '../safetensors/header.ts';

export type { TensorInfo } from '../safetensors/header.ts';

/**
 * Tensors by name, wherever their bytes lie (a file, shards, memory, HTTP, gzip): validated when it was opened, read on
 * demand. It decides nothing about the form that weights take on the device.
 */
export interface WeightSource {
  /** What error messages call it: a file, folder or URL, as the caller named it. */
  readonly name: string;
  /** Free-form strings of the file (`__metadata__`); empty for a set of shards. */
  readonly metadata: ReadonlyMap<string, string>;
  /** All tensor names, in the order of the files. */
  names(): Iterable<string>;
  /** Dtype, shape and stored bytes of a tensor; undefined where there is none of that name. */
  info(name: string): TensorInfo | undefined;
  /**
   * A tensor's bytes as stored, row-major, little-endian. May be a view: do not write into it.
   * @throws CheckpointError `missing-tensor`; `file-changed` where the file changed since it was opened.
   */
  readRaw(name: string, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * A piece of a tensor's bytes, `begin` to `end` (exclusive), counted from the tensor's first byte: rows of an
   * embedding table, or a large tensor through a small staging buffer.
   * @throws CheckpointError as `readRaw`, and `range`.
   */
  readRange(name: string, begin: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * A float tensor widened to f32 (F64 is rounded to nearest even). May be a view: do not write into it.
   * @throws CheckpointError as `readRaw`, and `unsupported-dtype` for integers and for the formats nobody ships weights in.
   */
  readF32(name: string, signal?: AbortSignal): Promise<Float32Array>;
  /** Closes the files. Closing twice is harmless. */
  close(): Promise<void>;
}

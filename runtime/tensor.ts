import { byteLengthOf, type DType } from '../kernels/dtype.ts';
import { ShapeError, DeviceError } from './errors.ts';
import type { Engine } from './engine.ts';

/** Host arrays of the dtypes that are read and written whole; packed ones travel as their 32-bit words. */
export type HostArray = Float32Array | Int32Array | Uint32Array;

/** A dense array on the device: dtype, shape and a buffer of its own. Dispose it, or let the engine do so. */
export class Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly label: string;
  readonly #engine: Engine;
  #buffer: GPUBuffer | undefined;

  constructor(engine: Engine, dtype: DType, shape: readonly number[], label: string) {
    this.#engine = engine;
    this.dtype = dtype;
    this.shape = [...shape];
    this.label = label;
    this.#buffer = engine.pool.take(byteLengthOf(dtype, shape), label, true);
  }

  /** Bytes on the device. */
  get byteLength(): number {
    return byteLengthOf(this.dtype, this.shape);
  }

  /** @throws DeviceError `disposed` after dispose() */
  get buffer(): GPUBuffer {
    if (!this.#buffer) throw new DeviceError('disposed', `tensor "${this.label}": used after dispose().`);
    return this.#buffer;
  }

  /** Overwrites the tensor, or a part of it from element `offset` of 32-bit words on. */
  write(data: HostArray | Uint8Array, byteOffset = 0): void {
    if (byteOffset + data.byteLength > Math.ceil(this.byteLength / 4) * 4)
      throw new ShapeError(
        `tensor "${this.label}": write of ${data.byteLength} bytes at ${byteOffset} exceeds its ${this.byteLength} bytes.`,
      );
    this.#engine.write(this.buffer, byteOffset, data);
  }

  /** Reads the whole tensor back, as 32-bit words of its dtype (packed dtypes as u32). */
  async read(): Promise<HostArray> {
    const bytes = await this.#engine.read(this.buffer, 0, this.byteLength);
    if (this.dtype === 'f32') return new Float32Array(bytes);
    if (this.dtype === 'i32') return new Int32Array(bytes);
    return new Uint32Array(bytes);
  }

  /** Frees the buffer. A second call does nothing. */
  dispose(): void {
    if (this.#buffer) this.#engine.pool.destroy(this.#buffer);
    this.#buffer = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

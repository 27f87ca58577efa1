import type { Engine } from '../engine.ts';
import { CheckpointError, DeviceError } from '../errors.ts';
import type { WeightRequest } from '../program/plan.ts';
import type { TensorBytes } from './tensor-bytes.ts';

/** What programs need of a weight store. */
export interface WeightBuffers {
  /** Device buffers of the requests' parts, by `key:part`; loads what is not resident yet. */
  resolve(requests: readonly WeightRequest[], signal?: AbortSignal): Promise<ReadonlyMap<string, GPUBuffer>>;
}

/** Where a store reads tensors from. */
export interface TensorReader {
  /** Name of the checkpoint, for messages. */
  readonly name: string;
  /** @throws CheckpointError if there is no such tensor */
  readTensor(name: string, signal?: AbortSignal): Promise<TensorBytes>;
}

/** Progress of an upload. */
export interface WeightProgress {
  readonly loaded: number;
  readonly total: number;
  readonly bytes: number;
}

/** Bytes in flight to the device at most: Dawn stages uploads in host memory until the queue has run. */
const STAGING_BYTES = 256 * 1024 * 1024;

/**
 * Weights of one checkpoint on the device, each loaded once per format. Reads tensor by tensor, so a 40 GB folder
 * never needs 40 GB of host memory.
 */
export class WeightStore implements WeightBuffers {
  readonly #engine: Engine;
  readonly #reader: TensorReader;
  readonly #onProgress: ((progress: WeightProgress) => void) | undefined;
  readonly #resident = new Map<string, Promise<ReadonlyMap<string, GPUBuffer>>>();
  #disposed = false;

  constructor(engine: Engine, reader: TensorReader, onProgress?: (progress: WeightProgress) => void) {
    this.#engine = engine;
    this.#reader = reader;
    this.#onProgress = onProgress;
  }

  async resolve(requests: readonly WeightRequest[], signal?: AbortSignal): Promise<ReadonlyMap<string, GPUBuffer>> {
    const buffers = new Map<string, GPUBuffer>();
    let loaded = 0;
    let bytes = 0;
    let inFlight = 0;
    for (const request of requests) {
      signal?.throwIfAborted();
      let entry = this.#resident.get(request.key);
      if (!entry) {
        entry = this.#load(request, signal);
        this.#resident.set(request.key, entry);
        entry.catch(() => this.#resident.delete(request.key));
      }
      for (const [part, buffer] of await entry) {
        buffers.set(`${request.key}:${part}`, buffer);
        bytes += buffer.size;
        inFlight += buffer.size;
      }
      if (inFlight > STAGING_BYTES) {
        this.#engine.submit([]);
        await this.#engine.idle();
        inFlight = 0;
      }
      this.#onProgress?.({ loaded: ++loaded, total: requests.length, bytes });
    }
    return buffers;
  }

  async #load(request: WeightRequest, signal?: AbortSignal): Promise<ReadonlyMap<string, GPUBuffer>> {
    const tensors: TensorBytes[] = [];
    for (const name of request.tensors) tensors.push(await this.#reader.readTensor(name, signal));
    const packed = request.pack(tensors);
    const buffers = new Map<string, GPUBuffer>();
    const upload = (): void => {
      for (const part of Object.keys(request.parts)) {
        const data = packed[part];
        if (!data)
          throw new CheckpointError(`${this.#reader.name}: weight "${request.key}" was packed without "${part}".`, {
            rule: 'pack',
            path: this.#reader.name,
          });
        const buffer = this.#engine.pool.take(data.byteLength, `${request.key}:${part}`);
        buffers.set(part, buffer);
        this.#engine.write(buffer, 0, data);
      }
    };
    try {
      await this.#engine.allocate(`weight "${request.key}"`, upload);
    } catch (error) {
      for (const buffer of buffers.values()) this.#engine.pool.destroy(buffer);
      buffers.clear();
      // The pool may sit on the very bytes that are missing.
      if (!(error instanceof DeviceError) || error.fault !== 'out-of-memory' || this.#engine.pool.idleBytes === 0)
        throw error;
      this.#engine.pool.trim();
      await this.#engine.allocate(`weight "${request.key}"`, upload);
    }
    return buffers;
  }

  /** Frees one weight, e.g. a modulation matrix whose product is kept. */
  async drop(key: string): Promise<void> {
    const entry = this.#resident.get(key);
    if (!entry) return;
    this.#resident.delete(key);
    for (const buffer of (await entry).values()) this.#engine.pool.destroy(buffer);
  }

  /** Frees all weights that are resident now; the store goes on. */
  async dropAll(): Promise<void> {
    for (const key of this.#resident.keys()) await this.drop(key).catch(() => {});
    this.#engine.submit([]); // Dawn frees destroyed buffers only at a submit
  }

  /** Frees all weights. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const key of this.#resident.keys()) await this.drop(key).catch(() => {});
  }
}

import type { EngineCounters } from './ledger.ts';
import { DeviceError } from './errors.ts';
import { BUFFER_USAGE } from './constants.ts';

/** Usage of every storage buffer of the pool: bindable, copyable both ways. */
export const POOL_USAGE = BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC | BUFFER_USAGE.COPY_DST;

/**
 * Owns the device's storage buffers, counts their bytes, and keeps released ones for the next program of the same
 * shapes. A released buffer's contents are stale: whoever takes one writes before reading.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #counters: EngineCounters;
  /** Released buffers by size. */
  readonly #idle = new Map<number, GPUBuffer[]>();
  readonly #alive = new Set<GPUBuffer>();
  #idleBytes = 0;
  /** Released bytes kept at most; beyond that buffers are destroyed at once. */
  readonly #maxIdleBytes: number;

  constructor(device: GPUDevice, counters: EngineCounters, maxIdleBytes: number) {
    this.#device = device;
    this.#counters = counters;
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** Bytes of released buffers that are kept for reuse. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /**
   * Takes a storage buffer of exactly `byteLength` bytes (rounded up to 4).
   *
   * @param fresh insist on a new, zero-filled buffer
   * @throws DeviceError `limit` if the device cannot make one of that size
   */
  take(byteLength: number, label: string, fresh = false): GPUBuffer {
    const size = Math.max(4, Math.ceil(byteLength / 4) * 4);
    const kept = fresh ? undefined : this.#idle.get(size)?.pop();
    if (kept) {
      this.#idleBytes -= size;
      return kept;
    }
    const max = this.#device.limits.maxBufferSize;
    if (size > max)
      throw new DeviceError('limit', `buffer "${label}": ${size} bytes exceed the device's maxBufferSize ${max}.`);
    return this.track(this.#device.createBuffer({ size, usage: POOL_USAGE, label }));
  }

  /** Counts a buffer made elsewhere (staging, uniforms) as owned by the engine. */
  track(buffer: GPUBuffer): GPUBuffer {
    const counters = this.#counters;
    counters.buffersCreated++;
    counters.liveBuffers++;
    counters.liveBytes += buffer.size;
    counters.peakBytes = Math.max(counters.peakBytes, counters.liveBytes);
    this.#alive.add(buffer);
    return buffer;
  }

  /** Gives a pool buffer back for reuse, or destroys it where enough is kept already. */
  release(buffer: GPUBuffer): void {
    if (!this.#alive.has(buffer)) return;
    if (this.#idleBytes + buffer.size > this.#maxIdleBytes) return this.destroy(buffer);
    const list = this.#idle.get(buffer.size);
    if (list?.includes(buffer)) return;
    if (list) list.push(buffer);
    else this.#idle.set(buffer.size, [buffer]);
    this.#idleBytes += buffer.size;
  }

  /** Destroys a buffer now. Dawn gives the memory back at the next submit: see `trim`. */
  destroy(buffer: GPUBuffer): void {
    if (!this.#alive.delete(buffer)) return;
    this.#counters.liveBuffers--;
    this.#counters.liveBytes -= buffer.size;
    buffer.destroy();
  }

  /** Destroys all released buffers and makes the driver free what was destroyed. */
  trim(): void {
    for (const list of this.#idle.values()) for (const buffer of list) this.destroy(buffer);
    this.#idle.clear();
    this.#idleBytes = 0;
    this.#device.queue.submit([]); // Dawn frees destroyed buffers only at a submit
  }

  /** Destroys every buffer that is still alive, in use or not. */
  dispose(): void {
    for (const buffer of this.#alive) this.destroy(buffer);
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}

import type { DType } from '../kernels/dtype.ts';
import type { DeviceFacts } from '../kernels/facts.ts';
import type { TuningTable } from '../kernels/tuning.ts';
import { BufferPool } from './buffer-pool.ts';
import { BUFFER_USAGE, MAP_MODE } from './constants.ts';
import {
  chooseAdapter,
  describeDevice,
  factsAtTier,
  factsOf,
  openDevice,
  type AdapterChoice,
  type DeviceInfo,
  type DeviceTier,
} from './device.ts';
import { DeviceError } from './errors.ts';
import { createCounters, type EngineCounters } from './ledger.ts';
import { Patience } from './patience.ts';
import { PipelineCache } from './pipeline-cache.ts';
import { Tensor, type HostArray } from './tensor.ts';

/** How an engine gets its device: an app's own `device`, or one opened from `gpu` (`navigator.gpu`, or Dawn's object). */
export interface EngineOptions {
  /** The app's own device. The engine uses it as it is and never destroys it. */
  readonly device?: GPUDevice;
  /** Entry point of WebGPU to open a device from. The engine destroys that device on dispose(). */
  readonly gpu?: GPU;
  /** Which adapters are acceptable; default `any`, a real GPU before a software driver. */
  readonly adapter?: AdapterChoice;
  /** Bytes of released buffers kept for reuse; default 256 MiB. */
  readonly maxIdleBytes?: number;
  /** Kernels of one tier only; absent: for each kernel what is fastest on the device without rounding more. */
  readonly tier?: DeviceTier;
  /** Variants to prefer, out of a tuning file for this device; see `layerloom bench --tune`. */
  readonly tuning?: TuningTable;
}

/**
 * Owns a device, its buffers and its compiled kernels. The one object that apps hold.
 *
 * Every asynchronous call of the engine rejects with a DeviceError when the device is lost or a validation error
 * surfaces: results are never made up.
 */
export class Engine {
  readonly device: GPUDevice;
  readonly facts: DeviceFacts;
  readonly info: DeviceInfo;
  readonly pool: BufferPool;
  readonly pipelines: PipelineCache;
  readonly counters: EngineCounters;
  readonly #ownsDevice: boolean;
  /** Kept alive: Dawn's process dies if the object that made the device is collected. */
  readonly gpu: GPU | undefined;
  /** Rejecters of the work that waits for the device now. A set, and no promise to race against: that would keep every waiter for ever. */
  readonly #waiting = new Set<(error: DeviceError) => void>();
  #failure: DeviceError | undefined;
  readonly #patience = new Patience();
  #disposed = false;
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly #onUncaptured = (event: GPUUncapturedErrorEvent): void => {
    const kind = event.error.constructor.name === 'GPUOutOfMemoryError' ? 'out-of-memory' : 'internal';
    const remedy = kind === 'out-of-memory' ? ' Use smaller weights, fewer or smaller regions, or tiled decoding.' : '';
    this.#setFailure(new DeviceError(kind, `device "${this.info.description}": ${event.error.message}${remedy}`));
  };

  /** Use `createEngine`. */
  constructor(
    device: GPUDevice,
    options: {
      ownsDevice: boolean;
      gpu?: GPU;
      adapterInfo?: GPUAdapterInfo;
      maxIdleBytes: number;
      tier?: DeviceTier;
      tuning?: TuningTable;
    },
  ) {
    this.device = device;
    this.#ownsDevice = options.ownsDevice;
    this.gpu = options.gpu;
    this.counters = createCounters();
    const facts = factsOf(device, options.adapterInfo);
    const { tier, tuning } = options;
    this.facts = { ...(tier ? factsAtTier(facts, tier) : facts), ...(tuning ? { tuning } : {}) };
    this.info = describeDevice(device, options.adapterInfo);
    this.pool = new BufferPool(device, this.counters, options.maxIdleBytes);
    this.pipelines = new PipelineCache(device, this.counters);
    // On an app's own device uncaptured errors may be the app's: only ours are watched.
    if (options.ownsDevice) device.addEventListener('uncapturederror', this.#onUncaptured);
    void device.lost.then((lost) => {
      if (this.#disposed) return;
      const how = lost.reason === 'destroyed' ? 'was destroyed' : `was lost: ${lost.message || 'no reason given'}`;
      this.#setFailure(
        new DeviceError(
          'lost',
          `device "${this.info.description}" ${how}. Create a new engine and load the model again.`,
        ),
      );
    });
  }

  /** True once dispose() was called. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** The failure that ended this engine, if any. */
  get failure(): DeviceError | undefined {
    return this.#failure;
  }

  #setFailure(error: DeviceError): void {
    if (this.#failure) return; // the first failure is the cause, later ones are its echoes
    this.#failure = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** @throws DeviceError if the engine was disposed or has failed */
  assertUsable(): void {
    if (this.#disposed) throw new DeviceError('disposed', 'engine: used after dispose().');
    if (this.#failure) throw this.#failure;
  }

  /** Waits for `work`, or rejects as soon as the device fails. */
  async guard<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {}); // where the failure is known already, nobody listens to its echo
    this.assertUsable();
    let stop: ((error: DeviceError) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        stop = reject;
        this.#waiting.add(reject);
        // What is reported in the same turn as the work's own end counts: a result beside an error is no result.
        work.then((result) => (this.#failure ? reject(this.#failure) : resolve(result)), reject);
      });
    } finally {
      if (stop) this.#waiting.delete(stop);
    }
  }

  /**
   * Runs `allocate` and rejects with `out-of-memory` if the device could not make its buffers.
   *
   * @param what names the allocation in the error
   */
  async allocate<T>(what: string, allocate: () => T): Promise<T> {
    this.assertUsable();
    const before = this.counters.liveBytes;
    this.device.pushErrorScope('out-of-memory');
    this.device.pushErrorScope('validation');
    let result: T;
    let scopes: Promise<(GPUError | null)[]>;
    try {
      result = allocate();
    } finally {
      scopes = Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
      scopes.catch(() => {}); // not awaited where allocate() threw
    }
    const [invalid, memory] = await this.guard(scopes);
    const asked = this.counters.liveBytes - before;
    if (memory)
      throw new DeviceError(
        'out-of-memory',
        `${what}: the device is out of memory (${asked} bytes asked for, ${before} in use). ` +
          'Use smaller weights, fewer or smaller regions, or tiled decoding.',
      );
    if (invalid) throw new DeviceError('internal', `${what}: ${invalid.message}`);
    return result;
  }

  /** A zero-filled tensor, or one with `data`. */
  tensor(dtype: DType, shape: readonly number[], data?: HostArray | Uint8Array, label = 'tensor'): Tensor {
    this.assertUsable();
    const tensor = new Tensor(this, dtype, shape, label);
    if (data) tensor.write(data);
    return tensor;
  }

  /** Queues a host-to-device copy; bytes are padded to whole words. */
  write(buffer: GPUBuffer, byteOffset: number, data: ArrayBufferView): void {
    this.assertUsable();
    let bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (bytes.byteLength % 4 !== 0) {
      const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
      padded.set(bytes);
      bytes = padded;
    }
    if (bytes.byteLength > 0) this.device.queue.writeBuffer(buffer, byteOffset, bytes as Uint8Array<ArrayBuffer>);
    this.counters.bytesUploaded += bytes.byteLength;
  }

  /** Reads `byteLength` bytes back through a reused staging buffer. */
  async read(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<ArrayBuffer> {
    this.assertUsable();
    const size = Math.ceil(byteLength / 4) * 4;
    if (size === 0) return new ArrayBuffer(0);
    const staging = this.#takeStaging(size);
    const encoder = this.device.createCommandEncoder({ label: 'readback' });
    encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, size);
    this.submit([encoder.finish()]);
    try {
      await this.#nap();
      await this.guard(staging.mapAsync(MAP_MODE.READ, 0, size));
      this.#patience.done(performance.now());
    } catch (error) {
      this.pool.destroy(staging);
      if (error instanceof DeviceError) throw error;
      throw new DeviceError('internal', `readback of ${byteLength} bytes failed: ${String(error)}`, { cause: error });
    }
    const copy = staging.getMappedRange(0, size).slice(0, byteLength);
    staging.unmap();
    this.#staging.get(staging.size)?.push(staging);
    this.counters.bytesReadBack += byteLength;
    return copy;
  }

  #takeStaging(size: number): GPUBuffer {
    // Powers of two, so that a handful of staging buffers serves every read: fresh host memory is slow to touch.
    const capacity = Math.max(256, 2 ** Math.ceil(Math.log2(size)));
    const usable = capacity <= this.facts.limits.maxBufferSize ? capacity : size;
    const list = this.#staging.get(usable);
    if (!list) this.#staging.set(usable, []);
    return (
      list?.pop() ??
      this.pool.track(
        this.device.createBuffer({
          size: usable,
          usage: BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST,
          label: 'staging',
        }),
      )
    );
  }

  /** Submits command buffers and counts the submit. @param work operations in them (`workOf`), where somebody knows */
  submit(commands: GPUCommandBuffer[], work = 0): void {
    this.device.queue.submit(commands);
    this.counters.submits++;
    this.#patience.submitted(work, performance.now());
  }

  /** Sleeps through most of the expected wait on software drivers: see Patience. */
  async #nap(): Promise<void> {
    if (this.facts.kind !== 'software') return;
    const nap = this.#patience.nap(performance.now());
    if (nap > 0) await new Promise((resolve) => setTimeout(resolve, nap));
  }

  /** Resolves when the device has finished all submitted work. */
  async idle(): Promise<void> {
    this.assertUsable();
    await this.#nap();
    await this.guard(this.device.queue.onSubmittedWorkDone());
    this.#patience.done(performance.now());
  }

  /** Operations that the device does in `ms` milliseconds, from what earlier work took; undefined before any did. */
  workWithin(ms: number): number | undefined {
    return this.#patience.workWithin(ms);
  }

  /** Destroys every buffer of the engine, and the device if the engine opened it. A second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.removeEventListener('uncapturederror', this.#onUncaptured);
    this.pool.dispose();
    this.#staging.clear();
    const error = new DeviceError('disposed', 'engine: disposed while work was pending.');
    this.#failure ??= error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    if (this.#ownsDevice) this.device.destroy();
    else this.device.queue.submit([]); // the app's device goes on: let it free what was destroyed
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
  }
}

/**
 * Opens an engine on an app's device or on one opened from `gpu`.
 *
 * @throws DeviceError `no-adapter`, `software-adapter`, `missing-feature` (below the tier), or why the device could not be opened
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { maxIdleBytes = 256 * 1024 * 1024, tier, tuning } = options;
  const settings = { maxIdleBytes, ...(tier && { tier }), ...(tuning && { tuning }) };
  if (options.device) return new Engine(options.device, { ownsDevice: false, ...settings });
  if (!options.gpu)
    throw new DeviceError(
      'no-adapter',
      'engine: pass { device } or { gpu: navigator.gpu }. In Node import layerloom/node.',
    );
  const adapter = await chooseAdapter(options.gpu, options.adapter ?? 'any');
  const device = await openDevice(adapter);
  try {
    return new Engine(device, { ownsDevice: true, gpu: options.gpu, adapterInfo: adapter.info, ...settings });
  } catch (error) {
    device.destroy(); // below the tier
    throw error;
  }
}

import type { Engine } from '../engine.ts';
import { DeviceError, UsageError } from '../errors.ts';
import type { HostArray } from '../tensor.ts';
import type { WeightBuffers } from '../weights/weight-store.ts';
import { bindSteps, type BufferRange, type Step } from './bind-groups.ts';
import { planMemory, type MemoryPlan } from './memory.ts';
import { packParams, writeParams } from './params.ts';
import { flopsOf, type ProgramPlan, type Value } from './plan.ts';
import { runPrograms, runProgramsPaced, type Bound } from './submits.ts';

/** Device memory that can take the place of a state: a tensor, or another program's state. */
export interface Bindable {
  readonly buffer: GPUBuffer;
  readonly byteLength: number;
}

/** What a program needs besides its plan. */
export interface CompileOptions {
  /** Gives device buffers for the plan's weights; required if the plan has any. */
  readonly weights?: WeightBuffers;
  /** Tensors of the app's, or states of other programs (`share`), that take the place of states, by name. */
  readonly bind?: Readonly<Record<string, Bindable>>;
  readonly signal?: AbortSignal;
}

/**
 * A compiled ProgramPlan. Replaying it makes nothing new: no pipelines, no buffers, no bind groups.
 */
export class Program {
  readonly plan: ProgramPlan;
  readonly memory: MemoryPlan;
  readonly #engine: Engine;
  readonly #steps: readonly Step[];
  /** Where each storage lies, by its id. */
  readonly #rangeOf: readonly BufferRange[];
  /** Buffers to give back on dispose. */
  readonly #owned: readonly GPUBuffer[];
  readonly #uniforms: GPUBuffer | undefined;
  readonly #ranges: ReadonlyMap<string, readonly [number, number]>;
  #disposed = false;

  /** Use `compileProgram`. */
  constructor(
    engine: Engine,
    plan: ProgramPlan,
    memory: MemoryPlan,
    parts: {
      steps: readonly Step[];
      rangeOf: readonly BufferRange[];
      owned: readonly GPUBuffer[];
      uniforms: GPUBuffer | undefined;
    },
  ) {
    this.#engine = engine;
    this.plan = plan;
    this.memory = memory;
    this.#steps = parts.steps;
    this.#rangeOf = parts.rangeOf;
    this.#owned = parts.owned;
    this.#uniforms = parts.uniforms;
    this.#ranges = new Map(plan.segments.map((segment) => [segment.name, [segment.start, segment.end]]));
  }

  /** Floating-point operations of the segments (all of them by default). */
  flops(segments?: readonly string[]): number {
    return flopsOf(this.plan, segments);
  }

  /** Dispatches [start, end) of a segment. */
  rangeOf(segment: string): readonly [number, number] {
    const range = this.#ranges.get(segment);
    if (!range) throw new UsageError(`program "${this.plan.label}": no segment "${segment}".`);
    return range;
  }

  /** Encodes and submits the segments in the given order (all, in recording order, by default). Does not wait. */
  run(segments?: readonly string[]): void {
    runPrograms([{ program: this, ...(segments ? { segments } : {}) }]);
  }

  /** As `run`, but waits between submits, so that an abort is seen within one. @throws the signal's reason when aborted */
  runPaced(segments?: readonly string[], signal?: AbortSignal): Promise<void> {
    return runProgramsPaced([{ program: this, ...(segments ? { segments } : {}) }], signal);
  }

  /** The engine that the program was compiled for. */
  get engine(): Engine {
    return this.#engine;
  }

  /** What the segments dispatch, in order. */
  rangesOf(segments?: readonly string[]): readonly (readonly [start: number, end: number])[] {
    return segments ? segments.map((segment) => this.rangeOf(segment)) : [...this.#ranges.values()];
  }

  /** Encodes one dispatch into a pass in which `bound` is set, and notes there what it has set itself. */
  encode(pass: GPUComputePassEncoder, index: number, bound: Bound): void {
    const { pipeline, group, workgroups } = this.#steps[index];
    if (pipeline !== bound.pipeline) pass.setPipeline((bound.pipeline = pipeline));
    if (group !== bound.group) pass.setBindGroup(0, (bound.group = group));
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    this.#engine.counters.dispatches++;
  }

  /** Encodes one dispatch into a pass of its own: for the profiler. */
  encodeStep(pass: GPUComputePassEncoder, index: number): void {
    this.assertUsable();
    this.encode(pass, index, { pipeline: undefined, group: undefined });
  }

  /** Overwrites (part of) a state. `byteOffset` counts from the state's start. */
  write(state: string | Value, data: ArrayBufferView, byteOffset = 0): void {
    this.assertUsable();
    const value = this.#value(state);
    const { buffer } = this.#rangeOf[value.storage];
    if (value.offset * 4 + byteOffset + data.byteLength > buffer.size)
      throw new UsageError(
        `program "${this.plan.label}": write of ${data.byteLength} bytes at ${byteOffset} exceeds the ${buffer.size} bytes of "${this.plan.storages[value.storage].label}".`,
      );
    this.#engine.write(buffer, value.offset * 4 + byteOffset, data);
  }

  /** Queues a device-to-device copy of whole words into a state: `from` may be a buffer or a state of this program. */
  copy(from: GPUBuffer | string, fromByteOffset: number, state: string, byteOffset: number, byteLength: number): void {
    this.assertUsable();
    const source = typeof from === 'string' ? this.#rangeOf[this.#value(from).storage].buffer : from;
    const encoder = this.#engine.device.createCommandEncoder({ label: `${this.plan.label}: copy` });
    encoder.copyBufferToBuffer(
      source,
      fromByteOffset,
      this.#rangeOf[this.#value(state).storage].buffer,
      byteOffset,
      byteLength,
    );
    this.#engine.submit([encoder.finish()]);
  }

  /** Reads a state (or a window of 32-bit elements of one) back. */
  async read(state: string | Value): Promise<HostArray> {
    this.assertUsable();
    const value = this.#value(state);
    const words = value.shape.reduce((count, size) => count * size, 1);
    const bytes = await this.#engine.read(this.#rangeOf[value.storage].buffer, value.offset * 4, words * 4);
    if (value.dtype === 'f32') return new Float32Array(bytes);
    if (value.dtype === 'i32') return new Int32Array(bytes);
    return new Uint32Array(bytes);
  }

  /** The buffer behind a state: for copies between programs. */
  bufferOf(state: string): GPUBuffer {
    return this.#rangeOf[this.#value(state).storage].buffer;
  }

  /** A state as something that other programs bind: they must not run after this one is disposed. */
  share(state: string): Bindable {
    const value = this.#value(state);
    return { buffer: this.#rangeOf[value.storage].buffer, byteLength: this.plan.storages[value.storage].byteLength };
  }

  #value(state: string | Value): Value {
    if (typeof state !== 'string') {
      if (this.plan.storages[state.storage].kind === 'temp')
        throw new UsageError(`program "${this.plan.label}": a temp cannot be read or written from the host.`);
      return state;
    }
    const value = this.plan.states.get(state);
    if (!value) throw new UsageError(`program "${this.plan.label}": no state "${state}".`);
    return value;
  }

  /** @throws DeviceError if the program or the engine is disposed, or the device failed */
  assertUsable(): void {
    if (this.#disposed) throw new DeviceError('disposed', `program "${this.plan.label}": used after dispose().`);
    this.#engine.assertUsable();
  }

  /** Gives all buffers of the program back. Weights and bound tensors stay. A second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const buffer of this.#owned) this.#engine.pool.release(buffer);
    if (this.#uniforms) this.#engine.pool.destroy(this.#uniforms);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Compiles a plan: pipelines (in parallel, cached), buffers, weights, bind groups.
 *
 * @throws DeviceError `out-of-memory`, `limit`, `lost` or `internal`, with what was asked for
 */
export async function compileProgram(
  engine: Engine,
  plan: ProgramPlan,
  options: CompileOptions = {},
): Promise<Program> {
  options.signal?.throwIfAborted();
  const memory = planMemory(plan);
  const kernels = await engine.guard(
    Promise.all(plan.dispatches.map((dispatch) => engine.pipelines.get(dispatch.plan))),
  );
  options.signal?.throwIfAborted();
  const weights = await loadWeights(plan, options);
  const owned: GPUBuffer[] = [];
  let uniforms: GPUBuffer | undefined;
  try {
    return await engine.allocate(`program "${plan.label}"`, () => {
      const take = (byteLength: number, label: string, fresh: boolean): GPUBuffer => {
        const buffer = engine.pool.take(byteLength, label, fresh);
        owned.push(buffer);
        return buffer;
      };
      const arenas = memory.arenas.map((size, index) => take(size, `${plan.label}: arena ${index}`, false));
      const rangeOf = plan.storages.map((storage): BufferRange => {
        const whole = (buffer: GPUBuffer): BufferRange => ({ buffer, offset: 0, size: storage.byteLength });
        switch (storage.kind) {
          case 'temp': {
            const place = memory.placeOf.get(storage.id);
            if (!place) return whole(arenas[0]); // never dispatched: never bound either
            return { buffer: arenas[place.arena], offset: place.byteOffset, size: storage.byteLength };
          }
          case 'state': {
            const bound = options.bind?.[storage.label];
            if (!bound) return whole(take(storage.byteLength, storage.label, true));
            if (bound.byteLength !== storage.byteLength)
              throw new UsageError(
                `program "${plan.label}": state "${storage.label}" takes ${storage.byteLength} bytes, the tensor bound to it has ${bound.byteLength}.`,
              );
            return whole(bound.buffer);
          }
          case 'constant': {
            const buffer = take(storage.byteLength, storage.label, false);
            engine.write(buffer, 0, storage.data);
            return whole(buffer);
          }
          case 'weight':
            return whole(weights.get(`${storage.request.key}:${storage.part}`) as GPUBuffer);
        }
      });
      const params = packParams(plan, engine.facts.limits.minUniformBufferOffsetAlignment);
      uniforms = writeParams(engine, plan.label, params);
      const steps = bindSteps(engine, plan, { kernels, rangeOf, params, uniforms });
      return new Program(engine, plan, memory, { steps, rangeOf, owned, uniforms });
    });
  } catch (error) {
    // Destroyed, not released: a buffer that the device could not make must never come back from the pool.
    for (const buffer of owned) engine.pool.destroy(buffer);
    if (uniforms) engine.pool.destroy(uniforms);
    // The pool may sit on the very bytes that are missing.
    if (error instanceof DeviceError && error.fault === 'out-of-memory' && engine.pool.idleBytes > 0) {
      engine.pool.trim();
      return compileProgram(engine, plan, options);
    }
    throw error;
  }
}

async function loadWeights(plan: ProgramPlan, options: CompileOptions): Promise<ReadonlyMap<string, GPUBuffer>> {
  const requests = new Map(
    plan.storages.flatMap((storage) => (storage.kind === 'weight' ? [[storage.request.key, storage.request]] : [])),
  );
  if (requests.size === 0) return new Map();
  if (!options.weights)
    throw new UsageError(`program "${plan.label}": needs ${requests.size} weights, but no weight store was given.`);
  return options.weights.resolve([...requests.values()], options.signal);
}

import type { KernelPlan } from '../../kernels/plan.ts';
import { BUFFER_USAGE } from '../constants.ts';
import type { Engine } from '../engine.ts';
import { DeviceError, UsageError } from '../errors.ts';
import type { HostArray } from '../tensor.ts';
import type { CompiledKernel } from '../pipeline-cache.ts';
import type { WeightBuffers } from '../weights/weight-store.ts';
import { planMemory, type MemoryPlan } from './memory.ts';
import { flopsOf, type ProgramPlan, type Value } from './plan.ts';

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

interface Step {
  readonly plan: KernelPlan;
  readonly kernel: CompiledKernel;
  readonly bindGroup: GPUBindGroup;
}

/** Work per submit at most: about 200 ms, so that an abort is seen and no driver watchdog fires. */
const FLOPS_PER_SUBMIT = { gpu: 1e12, software: 2e9 } as const;

/**
 * A compiled ProgramPlan. Replaying it makes nothing new: no pipelines, no buffers, no bind groups.
 */
export class Program {
  readonly plan: ProgramPlan;
  readonly memory: MemoryPlan;
  readonly #engine: Engine;
  readonly #steps: readonly Step[];
  readonly #bufferOf: readonly GPUBuffer[];
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
    parts: { steps: Step[]; bufferOf: GPUBuffer[]; owned: GPUBuffer[]; uniforms: GPUBuffer | undefined },
  ) {
    this.#engine = engine;
    this.plan = plan;
    this.memory = memory;
    this.#steps = parts.steps;
    this.#bufferOf = parts.bufferOf;
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

  /** The engine that the program was compiled for. */
  get engine(): Engine {
    return this.#engine;
  }

  /** What the segments dispatch, in order. */
  *dispatchesOf(segments?: readonly string[]): Generator<number> {
    for (const segment of segments ?? this.#ranges.keys()) {
      const [start, end] = this.rangeOf(segment);
      for (let index = start; index < end; index++) yield index;
    }
  }

  /** Encodes one dispatch after one whose pipeline is `bound`. @returns the pipeline that is bound now */
  encodeNext(pass: GPUComputePassEncoder, index: number, bound: GPUComputePipeline | undefined): GPUComputePipeline {
    this.#encode(pass, index, bound);
    return this.#steps[index].kernel.pipeline;
  }

  #encode(pass: GPUComputePassEncoder, index: number, bound: GPUComputePipeline | undefined): void {
    const { plan, kernel, bindGroup } = this.#steps[index];
    if (kernel.pipeline !== bound) pass.setPipeline(kernel.pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...plan.workgroups);
    this.#engine.counters.dispatches++;
  }

  /** Encodes one dispatch into a pass of its own: for the profiler. */
  encodeStep(pass: GPUComputePassEncoder, index: number): void {
    this.assertUsable();
    this.#encode(pass, index, undefined);
  }

  /** Overwrites (part of) a state. `byteOffset` counts from the state's start. */
  write(state: string | Value, data: ArrayBufferView, byteOffset = 0): void {
    this.assertUsable();
    const value = this.#value(state);
    const buffer = this.#bufferOf[value.storage];
    if (value.offset * 4 + byteOffset + data.byteLength > buffer.size)
      throw new UsageError(
        `program "${this.plan.label}": write of ${data.byteLength} bytes at ${byteOffset} exceeds the ${buffer.size} bytes of "${this.plan.storages[value.storage].label}".`,
      );
    this.#engine.write(buffer, value.offset * 4 + byteOffset, data);
  }

  /** Queues a device-to-device copy of whole words into a state: `from` may be a buffer or a state of this program. */
  copy(from: GPUBuffer | string, fromByteOffset: number, state: string, byteOffset: number, byteLength: number): void {
    this.assertUsable();
    const source = typeof from === 'string' ? this.#bufferOf[this.#value(from).storage] : from;
    const encoder = this.#engine.device.createCommandEncoder({ label: `${this.plan.label}: copy` });
    encoder.copyBufferToBuffer(
      source,
      fromByteOffset,
      this.#bufferOf[this.#value(state).storage],
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
    const bytes = await this.#engine.read(this.#bufferOf[value.storage], value.offset * 4, words * 4);
    if (value.dtype === 'f32') return new Float32Array(bytes);
    if (value.dtype === 'i32') return new Int32Array(bytes);
    return new Uint32Array(bytes);
  }

  /** The buffer behind a state: for copies between programs. */
  bufferOf(state: string): GPUBuffer {
    return this.#bufferOf[this.#value(state).storage];
  }

  /** A state as something that other programs bind: they must not run after this one is disposed. */
  share(state: string): Bindable {
    const value = this.#value(state);
    return { buffer: this.#bufferOf[value.storage], byteLength: this.plan.storages[value.storage].byteLength };
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

/** A program and which of its segments. */
export interface ProgramPart {
  readonly program: Program;
  /** All, in recording order, where absent. */
  readonly segments?: readonly string[];
}

/**
 * Encodes and submits parts of programs of one engine one after the other, in as few submits as their work allows: programs
 * that share states may take turns within a step at the price of one. Does not wait.
 */
export function runPrograms(parts: readonly ProgramPart[]): void {
  const [first] = parts;
  if (!first) return;
  const { engine } = first.program;
  const { label } = first.program.plan;
  const budget = FLOPS_PER_SUBMIT[engine.facts.kind];
  let encoder: GPUCommandEncoder | undefined;
  let pass: GPUComputePassEncoder | undefined;
  let flops = 0;
  let bound: GPUComputePipeline | undefined;
  const flush = (): void => {
    if (!encoder || !pass) return;
    pass.end();
    engine.submit([encoder.finish()]);
    encoder = pass = bound = undefined;
    flops = 0;
  };
  for (const { program, segments } of parts) {
    program.assertUsable();
    for (const index of program.dispatchesOf(segments)) {
      const { plan } = program.plan.dispatches[index];
      if (pass && flops + plan.flops > budget) flush();
      if (!pass) {
        encoder = engine.device.createCommandEncoder({ label });
        pass = encoder.beginComputePass({ label });
      }
      bound = program.encodeNext(pass, index, bound);
      flops += plan.flops;
    }
  }
  flush();
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
      const slots = memory.slots.map((size, index) => take(size, `${plan.label}: slot ${index}`, false));
      const bufferOf = plan.storages.map((storage): GPUBuffer => {
        switch (storage.kind) {
          case 'temp': {
            const slot = memory.slotOf.get(storage.id);
            return slot === undefined ? slots[0] : slots[slot]; // never dispatched: never bound either
          }
          case 'state': {
            const bound = options.bind?.[storage.label];
            if (!bound) return take(storage.byteLength, storage.label, true);
            if (bound.byteLength !== storage.byteLength)
              throw new UsageError(
                `program "${plan.label}": state "${storage.label}" takes ${storage.byteLength} bytes, the tensor bound to it has ${bound.byteLength}.`,
              );
            return bound.buffer;
          }
          case 'constant': {
            const buffer = take(storage.byteLength, storage.label, false);
            engine.write(buffer, 0, storage.data);
            return buffer;
          }
          case 'weight':
            return weights.get(`${storage.request.key}:${storage.part}`) as GPUBuffer;
        }
      });
      const offsets = uniformOffsets(plan, engine.facts.limits.minUniformBufferOffsetAlignment);
      uniforms = writeUniforms(engine, plan, offsets);
      const steps = plan.dispatches.map((dispatch, index): Step => {
        const kernel = kernels[index];
        const entries: GPUBindGroupEntry[] = dispatch.operands.map((id, binding) => ({
          binding,
          resource: { buffer: bufferOf[id], size: plan.storages[id].byteLength },
        }));
        if (uniforms && dispatch.plan.uniform.byteLength > 0)
          entries.push({
            binding: entries.length,
            resource: { buffer: uniforms, offset: offsets[index], size: dispatch.plan.uniform.byteLength },
          });
        const label = `${dispatch.plan.op}[${dispatch.plan.variant}]`;
        const bindGroup = engine.device.createBindGroup({ layout: kernel.layout, entries, label });
        engine.counters.bindGroupsCreated++;
        return { plan: dispatch.plan, kernel, bindGroup };
      });
      return new Program(engine, plan, memory, { steps, bufferOf, owned, uniforms });
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

function uniformOffsets(plan: ProgramPlan, alignment: number): number[] {
  let end = 0;
  return plan.dispatches.map(({ plan: { uniform } }) => {
    if (uniform.byteLength === 0) return 0;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + uniform.byteLength;
    return offset;
  });
}

function writeUniforms(engine: Engine, plan: ProgramPlan, offsets: readonly number[]): GPUBuffer | undefined {
  let size = 0;
  plan.dispatches.forEach((dispatch, index) => {
    if (dispatch.plan.uniform.byteLength > 0) size = Math.max(size, offsets[index] + dispatch.plan.uniform.byteLength);
  });
  if (size === 0) return undefined;
  const bytes = new Uint8Array(size);
  plan.dispatches.forEach((dispatch, index) => bytes.set(dispatch.plan.uniform, offsets[index]));
  const buffer = engine.pool.track(
    engine.device.createBuffer({
      size,
      usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
      label: `${plan.label}: params`,
    }),
  );
  engine.write(buffer, 0, bytes);
  return buffer;
}

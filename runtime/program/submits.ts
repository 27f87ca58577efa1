import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../engine.ts';
import type { ProgramPlan } from './plan.ts';

/** What a pass has bound: what does not change is not set again, because every call into WebGPU costs. */
export interface Bound {
  pipeline: GPUComputePipeline | undefined;
  group: GPUBindGroup | undefined;
}

/** What runs part by part of a program's dispatches. */
export interface Runnable {
  readonly engine: Engine;
  readonly plan: ProgramPlan;
  /** @throws DeviceError if it was disposed, or the device failed */
  assertUsable(): void;
  /** Dispatches [start, end) of each segment, in the given order; all, in recording order, where absent. */
  rangesOf(segments?: readonly string[]): readonly (readonly [start: number, end: number])[];
  encode(pass: GPUComputePassEncoder, index: number, bound: Bound): void;
}

/** A program and which of its segments. */
export interface ProgramPart {
  readonly program: Runnable;
  /** All, in recording order, where absent. */
  readonly segments?: readonly string[];
}

/**
 * Milliseconds of device time per submit at most. Drivers of desktop cards reset the device after seconds in one submit, and
 * an abort is seen between submits. A single dispatch that takes longer cannot be split here.
 */
export const SUBMIT_MS = 200;

/** Work that is submitted at once until the device's speed has been measured: well within SUBMIT_MS on slow ones. */
const FIRST_WORK = { gpu: 1e12, software: 2e9 } as const;
/** A measurement may move that by this factor either way: single measurements lie (a compile, a busy machine). */
const MAX_CHANGE = 32;
/** Operations that take as long as moving a byte, about: copies and norms do next to none. */
const WORK_PER_BYTE = { gpu: 60, software: 4 } as const;

/** What a dispatch costs, in operations: those that it does, or those that its bytes stand for if they take longer. */
export function workOf(plan: Pick<KernelPlan, 'flops' | 'bytes'>, kind: Engine['facts']['kind']): number {
  return Math.max(plan.flops, plan.bytes * WORK_PER_BYTE[kind], 1);
}

/** Work of one submit on this engine, from what earlier work took. */
export function submitWork(engine: Engine): number {
  const first = FIRST_WORK[engine.facts.kind];
  const fits = engine.workWithin(SUBMIT_MS);
  return fits === undefined ? first : Math.min(first * MAX_CHANGE, Math.max(first / MAX_CHANGE, fits));
}

/** Commands of one submit, and their work. */
interface Chunk {
  readonly commands: GPUCommandBuffer;
  readonly work: number;
}

/** Encodes the parts one after the other, in as few chunks as fit into SUBMIT_MS each. */
function* encodeChunks(engine: Engine, parts: readonly ProgramPart[]): Generator<Chunk> {
  const { label } = parts[0].program.plan;
  const { kind } = engine.facts;
  let encoder: GPUCommandEncoder | undefined;
  let pass: GPUComputePassEncoder | undefined;
  let bound: Bound = { pipeline: undefined, group: undefined };
  let work = 0;
  let budget = 0;
  const finish = (open: GPUCommandEncoder): Chunk => {
    pass?.end();
    const chunk = { commands: open.finish(), work };
    encoder = pass = undefined;
    bound = { pipeline: undefined, group: undefined };
    work = 0;
    return chunk;
  };
  for (const { program, segments } of parts) {
    program.assertUsable();
    for (const [start, end] of program.rangesOf(segments))
      for (let index = start; index < end; index++) {
        const next = workOf(program.plan.dispatches[index].plan, kind);
        if (encoder && work + next > budget) yield finish(encoder);
        if (!encoder || !pass) {
          budget = submitWork(engine);
          encoder = engine.device.createCommandEncoder({ label });
          pass = encoder.beginComputePass({ label });
        }
        program.encode(pass, index, bound);
        work += next;
      }
  }
  if (encoder) yield finish(encoder);
}

/**
 * Encodes and submits parts of programs of one engine one after the other, in as few submits of at most SUBMIT_MS as their
 * work allows: programs that share states may take turns within a step at the price of one. Does not wait.
 */
export function runPrograms(parts: readonly ProgramPart[]): void {
  if (parts.length === 0) return;
  const { engine } = parts[0].program;
  for (const { commands, work } of encodeChunks(engine, parts)) engine.submit([commands], work);
}

/**
 * As runPrograms, but each submit waits for the one before, with its commands ready: the device idles for a round trip (about
 * 0.1 ms), and an abort is seen within SUBMIT_MS. Work of one submit is not waited for.
 *
 * @throws the signal's reason when aborted; what was submitted before still runs, the rest does not
 */
export async function runProgramsPaced(parts: readonly ProgramPart[], signal?: AbortSignal): Promise<void> {
  if (parts.length === 0) return;
  const { engine } = parts[0].program;
  let isFirst = true;
  signal?.throwIfAborted();
  for (const { commands, work } of encodeChunks(engine, parts)) {
    if (!isFirst) await engine.idle();
    isFirst = false;
    signal?.throwIfAborted();
    engine.submit([commands], work);
  }
}

import type { ProgramPlan } from './plan.ts';

/** One use of a buffer by a dispatch. */
export interface Touch {
  /** Index of the dispatch. */
  readonly at: number;
  readonly write: boolean;
}

/** What happened to a buffer since it was last written. */
interface BufferState {
  written: boolean;
  read: boolean;
}

/**
 * Whether Dawn puts a barrier before this use of a buffer. It tracks whole buffers and one use after the other
 * (`TrackUsageAndGetResourceBarrier` in Dawn's BufferVk.cpp): a first use needs none; the first read after a write waits for
 * it, later reads do not; a write waits for whatever came before. A barrier that another buffer needed in between is not
 * taken into account.
 */
function use(state: BufferState, write: boolean): boolean {
  const wait = write ? state.written || state.read : state.written && !state.read;
  if (write) state.written = true;
  state.read = !write;
  return wait;
}

/**
 * The dispatches that wait for earlier ones whenever a program is replayed in the order of recording: kernels between two of
 * them may overlap on the device, so fewer are better. Buffers that nobody writes are never waited for.
 *
 * @param bufferOf which buffer holds a storage; by default each has one of its own, which no memory plan can beat
 * @returns indices of dispatches, rising
 */
export function barriersOf(
  plan: ProgramPlan,
  bufferOf: (storage: number) => string | number = (storage) => storage,
): ReadonlySet<number> {
  const uses = plan.dispatches.map((dispatch) => {
    const writes = new Map<string | number, boolean>();
    dispatch.operands.forEach((id, binding) => {
      const buffer = bufferOf(id);
      const write = dispatch.plan.bindings[binding].access === 'read_write';
      writes.set(buffer, write || writes.get(buffer) === true);
    });
    return writes;
  });
  const states = new Map<string | number, BufferState>();
  for (const writes of uses)
    for (const [buffer, write] of writes) if (write) states.set(buffer, { written: false, read: false });
  const barriers = new Set<number>();
  for (const isReplay of [false, true])
    uses.forEach((writes, index) => {
      for (const [buffer, write] of writes) {
        const state = states.get(buffer);
        if (state && use(state, write) && isReplay) barriers.add(index);
      }
    });
  return barriers;
}

/**
 * Whether one buffer may hold values with these uses: no dispatch binds it both for reading and for writing, which WebGPU
 * refuses, and it needs no barrier beyond `allowed`.
 *
 * @param touches of all values together, by rising dispatch
 */
export function canShare(touches: readonly Touch[], allowed: (dispatch: number) => boolean): boolean {
  const state: BufferState = { written: true, read: true }; // the replay before has used the buffer
  for (let i = 0; i < touches.length;) {
    const { at, write } = touches[i];
    for (i++; i < touches.length && touches[i].at === at; i++) if (touches[i].write !== write) return false;
    if (use(state, write) && !allowed(at)) return false;
  }
  return true;
}

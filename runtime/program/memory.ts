import { ShapeError } from '../errors.ts';
import type { ProgramPlan } from './plan.ts';

/** Which temporaries share which buffer, and what all of it takes. */
export interface MemoryPlan {
  /** Slot of each temporary, by storage id. */
  readonly slotOf: ReadonlyMap<number, number>;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** Sum of the slots: what the program's temporaries take on the device. */
  readonly arenaBytes: number;
  /** The most bytes of temporaries that are alive at one dispatch: a lower bound of any assignment. */
  readonly peakLiveBytes: number;
  readonly weightBytes: number;
  readonly stateBytes: number;
  readonly constantBytes: number;
}

/**
 * Assigns temporaries to buffers from their lifetimes (first to last dispatch that binds them).
 *
 * Every slot is a buffer of its own, because WebGPU refuses a dispatch that binds one buffer both for reading and for
 * writing, whatever the ranges: operands that are alive together lie in different slots, so they never clash.
 * Greedy best fit: the smallest free slot that is large enough, else the largest free one is grown, else a new one.
 *
 * @throws ShapeError if a temporary is used in two segments: segments are replayed apart, so it must be a state
 */
export function planMemory(plan: ProgramPlan): MemoryPlan {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  const segmentOf = new Map<number, string>();
  plan.dispatches.forEach((dispatch, index) => {
    for (const id of dispatch.operands) {
      const storage = plan.storages[id];
      if (storage.kind !== 'temp') continue;
      const segment = segmentOf.get(id);
      if (segment !== undefined && segment !== dispatch.segment)
        throw new ShapeError(
          `program "${plan.label}": temp "${storage.label}" is used in segments "${segment}" and "${dispatch.segment}". Make it a state.`,
        );
      segmentOf.set(id, dispatch.segment);
      if (!first.has(id)) first.set(id, index);
      last.set(id, index);
    }
  });

  const slots: number[] = [];
  const free: number[] = [];
  const slotOf = new Map<number, number>();
  let liveBytes = 0;
  let peakLiveBytes = 0;
  plan.dispatches.forEach((dispatch, index) => {
    const operands = [...new Set(dispatch.operands)].filter((id) => plan.storages[id].kind === 'temp');
    for (const id of operands) {
      if (first.get(id) !== index) continue;
      const need = plan.storages[id].byteLength;
      slotOf.set(id, takeSlot(slots, free, need));
      liveBytes += need;
    }
    peakLiveBytes = Math.max(peakLiveBytes, liveBytes);
    for (const id of operands) {
      if (last.get(id) !== index) continue;
      free.push(slotOf.get(id) as number);
      liveBytes -= plan.storages[id].byteLength;
    }
  });

  const bytesOf = (kind: string): number =>
    plan.storages.reduce((sum, storage) => sum + (storage.kind === kind ? storage.byteLength : 0), 0);
  return {
    slotOf,
    slots,
    arenaBytes: slots.reduce((sum, size) => sum + size, 0),
    peakLiveBytes,
    weightBytes: bytesOf('weight'),
    stateBytes: bytesOf('state'),
    constantBytes: bytesOf('constant'),
  };
}

function takeSlot(slots: number[], free: number[], need: number): number {
  let best = -1;
  for (let i = 0; i < free.length; i++) {
    if (best < 0) {
      best = i;
      continue;
    }
    const size = slots[free[i]];
    const bestSize = slots[free[best]];
    const fits = size >= need;
    const bestFits = bestSize >= need;
    if (fits !== bestFits ? fits : fits ? size < bestSize : size > bestSize) best = i;
  }
  if (best < 0) return slots.push(need) - 1;
  const [slot] = free.splice(best, 1);
  slots[slot] = Math.max(slots[slot], need);
  return slot;
}

import { ShapeError } from '../errors.ts';
import { barriersOf, canShare, type Touch } from './hazards.ts';
import type { ProgramPlan } from './plan.ts';

/** Where a temporary lies. */
export interface Place {
  readonly arena: number;
  readonly byteOffset: number;
}

/** Which temporaries share which memory, and what all of it takes. */
export interface MemoryPlan {
  /** Place of each temporary that is dispatched, by storage id. */
  readonly placeOf: ReadonlyMap<number, Place>;
  /** Bytes of each arena: every arena is one buffer. */
  readonly arenas: readonly number[];
  /** Sum of the arenas: what the program's temporaries take on the device. */
  readonly arenaBytes: number;
  /** The most bytes of temporaries that are alive at one dispatch: a lower bound of any assignment. */
  readonly peakLiveBytes: number;
  readonly weightBytes: number;
  readonly stateBytes: number;
  readonly constantBytes: number;
}

/** A temporary within its segment. */
interface Lifetime {
  readonly id: number;
  readonly byteLength: number;
  /** By rising dispatch: alive from the first to the last. */
  readonly touches: Touch[];
}

interface Arena {
  size: number;
  /** Uses of all values in it, by rising dispatch. */
  touches: readonly Touch[];
  readonly values: { readonly first: number; readonly last: number; readonly start: number; readonly end: number }[];
}

/** Values start at multiples of this (or of the device's own alignment where that is larger). */
const ALIGNMENT = 256;

/**
 * Places temporaries in arenas from their lifetimes (first to last dispatch that binds them), largest first, each where it
 * makes the arenas grow least, then where it leaves the smallest gap.
 *
 * Arenas are hazard classes: values share one only if no dispatch would bind it both for reading and for writing, and if
 * no dispatch has to wait that would not wait with a buffer for every value. So a program has as many barriers
 * (`barriersOf`) as its data needs, whatever memory it saves; the README of this folder has the figures.
 *
 * Segments are replayed one after the other and share the arenas; segments of the same form get the same places.
 *
 * @throws ShapeError if a temporary is used in two segments: segments are replayed apart, so it must be a state
 */
export function planMemory(plan: ProgramPlan): MemoryPlan {
  const { minStorageBufferOffsetAlignment, maxBufferSize } = plan.facts.limits;
  const alignment = Math.max(ALIGNMENT, minStorageBufferOffsetAlignment);
  const needed = barriersOf(plan);
  const placeOf = new Map<number, Place>();
  const arenas: number[] = [];
  const known = new Map<string, readonly Place[]>();
  let peakLiveBytes = 0;
  for (const lifetimes of lifetimesBySegment(plan)) {
    if (lifetimes.length === 0) continue;
    peakLiveBytes = Math.max(peakLiveBytes, peakOf(lifetimes));
    const key = formOf(lifetimes, needed);
    let places = known.get(key);
    if (!places) {
      const found = placeAll(lifetimes, needed, alignment, maxBufferSize);
      places = found.places;
      known.set(key, places);
      found.sizes.forEach((size, arena) => (arenas[arena] = Math.max(arenas[arena] ?? 0, size)));
    }
    lifetimes.forEach(({ id }, i) => placeOf.set(id, (places as readonly Place[])[i]));
  }

  const bytesOf = (kind: string): number =>
    plan.storages.reduce((sum, storage) => sum + (storage.kind === kind ? storage.byteLength : 0), 0);
  return {
    placeOf,
    arenas,
    arenaBytes: arenas.reduce((sum, size) => sum + size, 0),
    peakLiveBytes,
    weightBytes: bytesOf('weight'),
    stateBytes: bytesOf('state'),
    constantBytes: bytesOf('constant'),
  };
}

/** The temporaries of each segment, in the order of their first use. */
function lifetimesBySegment(plan: ProgramPlan): Iterable<readonly Lifetime[]> {
  const bySegment = new Map<string, Lifetime[]>();
  const all = new Map<number, { segment: string; touches: Touch[] }>();
  plan.dispatches.forEach(({ operands, segment, plan: { bindings } }, at) => {
    operands.forEach((id, binding) => {
      const storage = plan.storages[id];
      if (storage.kind !== 'temp') return;
      const write = bindings[binding].access === 'read_write';
      const lifetime = all.get(id);
      if (!lifetime) {
        const touches = [{ at, write }];
        all.set(id, { segment, touches });
        const list = bySegment.get(segment);
        const entry = { id, byteLength: storage.byteLength, touches };
        if (list) list.push(entry);
        else bySegment.set(segment, [entry]);
        return;
      }
      if (lifetime.segment !== segment)
        throw new ShapeError(
          `program "${plan.label}": temp "${storage.label}" is used in segments "${lifetime.segment}" and "${segment}". Make it a state.`,
        );
      // The builder refuses a value that one dispatch reads and writes, so a second binding of it says nothing new.
      if (lifetime.touches.at(-1)?.at !== at) lifetime.touches.push({ at, write });
    });
  });
  return bySegment.values();
}

/** Segments of equal form are placed alike: sizes, uses and barriers agree, counted from the segment's first use. */
function formOf(lifetimes: readonly Lifetime[], needed: ReadonlySet<number>): string {
  const base = lifetimes[0].touches[0].at;
  return lifetimes
    .map(
      ({ byteLength, touches }) =>
        `${byteLength}:${touches.map(({ at, write }) => `${at - base}${write ? 'w' : 'r'}${needed.has(at) ? '!' : ''}`).join()}`,
    )
    .join(';');
}

function peakOf(lifetimes: readonly Lifetime[]): number {
  const change = new Map<number, number>();
  const add = (at: number, bytes: number): unknown => change.set(at, (change.get(at) ?? 0) + bytes);
  for (const { byteLength, touches } of lifetimes) {
    add(touches[0].at, byteLength);
    add(lastOf(touches) + 1, -byteLength);
  }
  let live = 0;
  let peak = 0;
  for (const [, bytes] of [...change].sort(([a], [b]) => a - b)) {
    live += bytes;
    peak = Math.max(peak, live);
  }
  return peak;
}

/** Places for the lifetimes, in their order, and the arenas' sizes, largest first. */
function placeAll(
  lifetimes: readonly Lifetime[],
  needed: ReadonlySet<number>,
  alignment: number,
  maxArena: number,
): { places: readonly Place[]; sizes: readonly number[] } {
  const arenas: Arena[] = [];
  const placed = new Map<Lifetime, { arena: Arena; byteOffset: number }>();
  const bySize = [...lifetimes].sort((a, b) => b.byteLength - a.byteLength || a.touches[0].at - b.touches[0].at);
  for (const value of bySize) {
    let best: { arena: Arena; start: number; growth: number; gap: number; touches: readonly Touch[] } | undefined;
    for (const arena of arenas) {
      const { start, gap } = findSpace(arena, value, alignment);
      const end = start + value.byteLength;
      const growth = Math.max(0, end - arena.size);
      // A buffer of its own costs no more than growth by the whole value, and never a hazard.
      if (growth >= value.byteLength || end > maxArena) continue;
      if (best && (growth > best.growth || (growth === best.growth && gap >= best.gap))) continue;
      const touches = merge(arena.touches, value.touches);
      if (canShare(touches, (at) => needed.has(at))) best = { arena, start, growth, gap, touches };
    }
    if (!best) {
      const arena: Arena = { size: 0, touches: [], values: [] };
      arenas.push(arena);
      best = { arena, start: 0, growth: value.byteLength, gap: 0, touches: value.touches };
    }
    const { arena, start } = best;
    arena.size += best.growth;
    arena.touches = best.touches;
    arena.values.push({
      first: value.touches[0].at,
      last: lastOf(value.touches),
      start,
      end: start + value.byteLength,
    });
    placed.set(value, { arena, byteOffset: start });
  }
  // Largest first: so the arenas of segments of different form, which are shared one by one, suit each other.
  arenas.sort((a, b) => b.size - a.size);
  const places = lifetimes.map((value): Place => {
    const found = placed.get(value);
    return { arena: found ? arenas.indexOf(found.arena) : 0, byteOffset: found?.byteOffset ?? 0 };
  });
  return { places, sizes: arenas.map(({ size }) => size) };
}

/** Where the value fits best among those of the arena that are alive with it: the smallest gap, else behind the last. */
function findSpace(arena: Arena, value: Lifetime, alignment: number): { start: number; gap: number } {
  const first = value.touches[0].at;
  const last = lastOf(value.touches);
  const alive = arena.values
    .filter((other) => other.first <= last && first <= other.last)
    .sort((a, b) => a.start - b.start);
  let best: { start: number; gap: number } | undefined;
  let at = 0;
  const offer = (end: number): void => {
    const gap = end - at - value.byteLength;
    if (gap >= 0 && (!best || gap < best.gap)) best = { start: at, gap };
  };
  for (const other of alive) {
    offer(other.start);
    at = Math.max(at, Math.ceil(other.end / alignment) * alignment);
  }
  offer(arena.size);
  return best ?? { start: at, gap: 0 };
}

function merge(a: readonly Touch[], b: readonly Touch[]): readonly Touch[] {
  return [...a, ...b].sort((x, y) => x.at - y.at);
}

function lastOf(touches: readonly Touch[]): number {
  return touches[touches.length - 1].at;
}

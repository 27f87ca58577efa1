import type { CaseRandom } from './cases.ts';

/** A small counter-based generator (splitmix32): the same stream everywhere, independent of engine and platform. */
export function seededRandom(seed: number): CaseRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
  return {
    uniform: (low, high) => low + (high - low) * next(),
    floats: (count) => Float32Array.from({ length: count }, () => Math.fround(4 * next() - 2)),
    integer: (bound) => Math.floor(next() * bound),
  };
}

/** Seed from a name, so that each case has its own stream and keeps it when others are added. */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

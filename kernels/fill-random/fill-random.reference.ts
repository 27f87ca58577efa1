/** The kernel's hash: splitmix32 of a counter. */
export function hashOf(seed: number, index: number): number {
  const a = (Math.imul(index + 1, 0x9e3779b9) + seed) >>> 0;
  const b = Math.imul(a ^ (a >>> 16), 0x21f0aaad);
  const c = Math.imul(b ^ (b >>> 15), 0x735a2d97);
  return (c ^ (c >>> 15)) >>> 0;
}

/** Value number `index`: uniform in [-scale, scale), or for i8 a code in [-127, 127]. */
export function randomValue(dtype: 'f32' | 'f16' | 'bf16' | 'i8', seed: number, index: number, scale: number): number {
  const bits = hashOf(seed, index) >>> 8;
  return dtype === 'i8' ? (bits % 255) - 127 : (bits * 2 ** -23 - 1) * scale;
}

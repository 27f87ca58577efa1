/** The 22 element types of the safetensors format (format version of safetensors 0.8). */
export type SafetensorsDType =
  | 'BOOL'
  | 'F4'
  | 'F6_E2M3'
  | 'F6_E3M2'
  | 'U8'
  | 'I8'
  | 'F8_E5M2'
  | 'F8_E4M3'
  | 'F8_E8M0'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'I16'
  | 'U16'
  | 'F16'
  | 'BF16'
  | 'I32'
  | 'U32'
  | 'F32'
  | 'C64'
  | 'F64'
  | 'I64'
  | 'U64';

/** Bits of one element. A Map, so that `__proto__` and `constructor` are not found. */
const BITS: ReadonlyMap<string, number> = new Map<SafetensorsDType, number>([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/** True for a name of the closed list; case matters. */
export function isSafetensorsDType(name: string): name is SafetensorsDType {
  return BITS.has(name);
}

/** Bits of one element: 4, 6, 8, 16, 32 or 64. */
export function safetensorsBits(dtype: SafetensorsDType): number {
  return BITS.get(dtype) ?? 0;
}

/**
 * Bytes that a tensor takes in a file, in exact arithmetic.
 * @returns undefined where the bits are no multiple of 8 (F4, F6).
 */
export function exactByteLength(dtype: SafetensorsDType, shape: readonly number[]): bigint | undefined {
  let bits = BigInt(safetensorsBits(dtype));
  // any zero makes the product zero, however large the other sizes are
  if (shape.includes(0)) return 0n;
  for (const size of shape) {
    if (size === 1) continue;
    bits *= BigInt(size);
    // past 2^66 bits the answer is "too much" already: hundreds of sizes must not grow a million-digit product
    if (bits > MANY_BITS) return bits / 8n;
  }
  return bits % 8n === 0n ? bits / 8n : undefined;
}

const MANY_BITS = 1n << 80n;

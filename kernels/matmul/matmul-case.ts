import type { CaseRandom, KernelCase, Tolerance } from '../cases.ts';
import type { DeviceFacts } from '../facts.ts';
import { isMatrixVariant, matmulVariants, planMatmul, type MatmulSpec, type MatmulVariant } from './matmul.ts';
import type { ResolvedHeads } from './matmul-heads.ts';
import { resolveMatmul, type ResolvedOperand } from './matmul-spec.ts';
import { referenceMatmul } from './matmul.reference.ts';

/**
 * Which variants run a case (each costs a compilation): all that compute in f32, or the planner's choice and the plain forms
 * of them; or those of the matrix unit: all tiles, or the planner's choice of them.
 */
export type Extent = 'all' | 'few' | 'matrix-all' | 'matrix';

const NAN_CODES = { f32: Number.NaN, f16: 0x7e00, bf16: 0x7fc0, i8: 127, i4: 0 };

/** A case of matmul; matrix extents round their operands to what f16 holds, so that sums are all that rounds. */
export function caseOf(
  name: string,
  spec: MatmulSpec,
  extent: Extent = 'few',
  extra: Partial<KernelCase> = {},
): KernelCase {
  return {
    name,
    ...(extent.startsWith('matrix')
      ? {
          skip: (facts: DeviceFacts) =>
            chosenVariants(facts, spec, extent).length === 0
              ? 'the device has no f16 matrices with f32 sums'
              : undefined,
        }
      : {}),
    variants: (facts) => chosenVariants(facts, spec, extent),
    plan: (facts, variant) => planMatmul(facts, spec, variant as MatmulVariant),
    inputs: (random) => makeInputs(random, spec, extent.startsWith('matrix')),
    expected: (inputs) => ({ out: { dtype: spec.out?.dtype ?? 'f32', values: referenceMatmul(spec, inputs) } }),
    tolerance: toleranceOf(spec),
    ...extra,
  };
}

function chosenVariants(facts: DeviceFacts, spec: MatmulSpec, extent: Extent): readonly MatmulVariant[] {
  const possible = matmulVariants(facts, spec);
  const matrix = possible.filter(isMatrixVariant);
  if (extent === 'matrix-all') return matrix;
  if (extent === 'matrix') return matrix.slice(0, 1);
  const plain = possible.filter((variant) => !isMatrixVariant(variant));
  if (extent === 'all') return plain;
  return plain.filter(
    (variant, i) => i === 0 || variant.startsWith('dot') || ['naive', 'tiled64', 'gemv'].includes(variant),
  );
}

/**
 * x and w lie in [-2, 2), so that a product's rounding is up to 2^-22 and sums near zero keep the error of their terms:
 * hence atol per sqrt(K), not rtol, decides. An f16 output adds its own half unit, 2^-11.
 */
function toleranceOf(spec: MatmulSpec): Tolerance {
  const atol = 3e-6 * Math.sqrt(spec.k);
  if (spec.out?.dtype === 'f16') return { atol: 1e-3, rtol: 2 ** -10, nmse: 1e-6 };
  return { atol, rtol: 2e-6, nmse: 1e-12 };
}

function makeInputs(random: CaseRandom, spec: MatmulSpec, half: boolean): Record<string, ArrayBufferView> {
  const { m, n, k, batch, batchGroup, order, x, w, out, gate, heads } = resolveMatmul(spec);
  const inputs: Record<string, ArrayBufferView> = {
    x: fill(random, x, batch, m, k, half),
    w:
      order === 'nk'
        ? fill(random, w, spec.split ? 2 : batch / batchGroup, n, k, half)
        : fill(random, w, batch / batchGroup, k, n, half),
    // Stored outputs overwrite NaN; rows that are added to hold data, and everything around them is NaN.
    out: fill(random, out, spec.add ? batch : 0, m, n),
  };
  if (w.dtype === 'i4') {
    inputs.w = Uint8Array.from({ length: w.byteLength }, () => random.integer(256));
    // 2^-6 to 2^-4 with four bits of fraction: times a code it is exact in f16.
    const groups = Math.ceil((w.byteLength * 2) / (spec.w.group ?? 64));
    inputs.scales = Uint16Array.from(
      { length: 2 * Math.ceil(groups / 2) },
      () => ((9 + random.integer(3)) << 10) | (random.integer(16) << 6),
    );
  }
  if (w.dtype === 'i8') inputs.scales = Float32Array.from({ length: n }, () => random.uniform(0.001, 0.02));
  if (x.dtype === 'i8') inputs.row_scales = Float32Array.from({ length: m }, () => random.uniform(0.001, 0.02));
  if (spec.bias) inputs.bias = spec.activation ? wideBias(random, n) : random.floats(n);
  if (heads) Object.assign(inputs, headInputs(random, heads, m));
  if (spec.gate) {
    const table = new Float32Array(gate.end).fill(Number.NaN);
    const tableRows = spec.gate.tableRows ?? 1;
    for (let row = 0; row < tableRows; row++) table.set(random.floats(n), gate.offset + row * gate.stride);
    inputs.gate = table;
    const indices = Array.from({ length: gate.rowOffset + m - (spec.split?.at ?? 0) }, (_, i) =>
      i < gate.rowOffset ? 0xffffff : random.integer(tableRows),
    );
    if (spec.gate.indexed) inputs.rows = Uint32Array.from(indices);
  }
  return inputs;
}

/** Weights of both norms, and angles where the tables have rows; NaN around them. */
function headInputs(random: CaseRandom, { dim, table }: ResolvedHeads, m: number): Record<string, ArrayBufferView> {
  const [cosines, sines] = [0, 1].map(() => new Float32Array(table.end).fill(Number.NaN));
  for (let r = 0; r < m; r++)
    for (let i = 0; i < dim / 2; i++) {
      const angle = random.uniform(-7, 7);
      cosines[table.offset + r * table.stride + i] = Math.cos(angle);
      sines[table.offset + r * table.stride + i] = Math.sin(angle);
    }
  return { norms: random.floats(2 * dim), cosines, sines };
}

/** Reaches far into both tails of an activation: a value of 1e4, of -1e4, and zero among the others. */
function wideBias(random: CaseRandom, n: number): Float32Array {
  const bias = random.floats(n);
  bias.set([1e4, -1e4, 0, -90, 12].slice(0, n));
  return bias;
}

/** Data in the rows of an operand and NaN (for i8 the largest code) in every other element. */
function fill(
  random: CaseRandom,
  operand: ResolvedOperand,
  batch: number,
  rows: number,
  columns: number,
  half = false,
): ArrayBufferView {
  const { dtype, offset, stride, batchStride, byteLength } = operand;
  const data =
    dtype === 'f32'
      ? new Float32Array(byteLength / 4)
      : dtype === 'i8' || dtype === 'i4'
        ? new Int8Array(byteLength)
        : new Uint16Array(byteLength / 2);
  data.fill(NAN_CODES[dtype as keyof typeof NAN_CODES]);
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) data[offset + b * batchStride + r * stride + c] = element(random, dtype, half);
  return data;
}

/**
 * One element as its code: values in (-2, 2), of f16 with every exponent from 2^-14 on, of i8 every code. With `half` an f32
 * is one of 4096 values that f16 holds.
 */
function element(random: CaseRandom, dtype: ResolvedOperand['dtype'], half: boolean): number {
  if (dtype === 'f32') return half ? random.integer(4096) / 1024 - 2 : Math.fround(random.uniform(-2, 2));
  if (dtype === 'i8') return random.integer(255) - 127;
  if (dtype === 'f16')
    return (
      (random.integer(2) << 15) |
      ((random.integer(4) === 0 ? random.integer(16) : 14 + random.integer(2)) << 10) |
      random.integer(1024)
    );
  return (
    (random.integer(2) << 15) |
    ((random.integer(4) === 0 ? random.integer(128) : 126 + random.integer(2)) << 7) |
    random.integer(128)
  );
}

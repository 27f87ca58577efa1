import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { matmul, matmulWeight, type MatmulEpilogue, type MatmulWeightDType } from '../../../runtime/ops/matmul.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { bf16ToF32, f32ToBf16, f32ToF16, f16ToF32 } from '../../../runtime/safetensors/convert.ts';
import type { TensorBytes } from '../../../runtime/weights/tensor-bytes.ts';
import { WeightStore } from '../../../runtime/weights/weight-store.ts';
import { describeMismatch } from '../../support/close.ts';
import { testEngine } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';

const engine = await testEngine();
const rows = 9;
const inputs = 10;
const outs = [6, 7];
const width = outs[0] + outs[1];
const random = seededRandom(11);
const x = random.floats(rows * inputs);
const bias = random.floats(width);
const before = random.floats(rows * width);
const table = random.floats(2 * (width + 3));
const index = Uint32Array.from({ length: rows + 2 }, (_, i) => i % 2);
const weights = outs.map((count) => random.floats(count * inputs));

type Stored = 'F32' | 'F16' | 'BF16';

/** The values of a checkpoint's tensor, rounded as its dtype rounds them, and its bytes at an odd address. */
function store(name: string, values: Float32Array, dtype: Stored): TensorBytes {
  const codes = dtype === 'F32' ? values : dtype === 'F16' ? f32ToF16(values) : f32ToBf16(values);
  const bytes = new Uint8Array(codes.byteLength + 1).subarray(1);
  bytes.set(new Uint8Array(codes.buffer));
  return { name, dtype, shape: [values.length / inputs, inputs], bytes, toF32: () => rounded(values, dtype) };
}

function rounded(values: Float32Array, dtype: Stored): Float32Array {
  if (dtype === 'F32') return values.slice();
  return dtype === 'F16' ? f16ToF32(f32ToF16(values)) : bf16ToF32(f32ToBf16(values));
}

/** act(x w^T + bias) in f64 for two fused layers, [rows, width]. */
function reference(layers: readonly Float32Array[], activation?: 'silu'): Float64Array {
  const all = layers.flatMap((layer) => [...layer]);
  const y = new Float64Array(rows * width);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < width; c++) {
      let sum = bias[c];
      for (let k = 0; k < inputs; k++) sum += x[r * inputs + k] * all[c * inputs + k];
      y[r * width + c] = activation ? sum / (1 + Math.exp(-sum)) : sum;
    }
  return y;
}

describe.skipIf(typeof engine === 'string')('matmul of fused checkpoint weights', () => {
  if (typeof engine === 'string') return;

  async function run(
    stored: Stored,
    dtype: MatmulWeightDType,
    epilogue: (builder: ProgramBuilder) => MatmulEpilogue = () => ({}),
  ): Promise<Float64Array> {
    if (typeof engine === 'string') throw new Error(engine);
    const builder = new ProgramBuilder(engine.facts, 'matmul');
    builder.segment('all', () => {
      const weight = matmulWeight(builder, { tensors: ['a', 'b'], outs, inputs, dtype });
      matmul(builder, {
        x: builder.constant(x, 'f32', [rows, inputs], 'x'),
        weight,
        bias: builder.constant(bias, 'f32', [width], 'bias'),
        out: builder.rows(builder.state('y', 'f32', [rows + 2, width]), 1, rows),
        ...epilogue(builder),
      });
    });
    const reader = {
      name: 'fused',
      readTensor: (name: string) => Promise.resolve(store(name, weights[name === 'a' ? 0 : 1], stored)),
    };
    const program = await compileProgram(engine, builder.finish(), { weights: new WeightStore(engine, reader) });
    const padded = new Float32Array((rows + 2) * width).fill(7);
    padded.set(before, width);
    program.write('y', padded);
    program.run();
    const y = Float64Array.from((await program.read('y')) as Float32Array);
    program.dispose();
    expect([...y.subarray(0, width), ...y.subarray(-width)].every((value) => value === 7)).toBe(true);
    return y.subarray(width, -width);
  }

  const close = { atol: 3e-6, rtol: 2e-6, nmse: 1e-12 };

  it.each([
    ['F32', 'f32', 'F32'],
    ['BF16', 'bf16', 'BF16'],
    ['F16', 'f16', 'F16'],
    ['BF16', 'f16', 'BF16'],
    ['F32', 'bf16', 'BF16'],
    ['F32', 'f16', 'F16'],
    ['BF16', 'f32', 'BF16'],
  ] as const)('stored as %s, on the device as %s', async (stored, dtype, same) => {
    const expected = reference(weights.map((layer) => rounded(layer, same)));
    expect(describeMismatch(await run(stored, dtype), expected, close)).toBeUndefined();
  });

  it('int4: as the dequantised weights, each group of a channel with its own scale', async () => {
    const dequantised = weights.map((layer) => {
      const values = layer.slice();
      for (let c = 0; c < values.length / inputs; c++) {
        const group = values.subarray(c * inputs, (c + 1) * inputs);
        const extreme = group.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
        const [scale] = f16ToF32(f32ToF16(Float32Array.of(-extreme / 8)));
        group.forEach((value, i) => (group[i] = Math.max(-8, Math.min(7, Math.round(value / scale))) * scale));
      }
      return values;
    });
    expect(describeMismatch(await run('F32', 'i4'), reference(dequantised), close)).toBeUndefined();
  });

  it('int8: as the dequantised weights, each tensor with its own channels', async () => {
    const dequantised = weights.map((layer) => {
      const values = layer.slice();
      for (let c = 0; c < values.length / inputs; c++) {
        const channel = values.subarray(c * inputs, (c + 1) * inputs);
        const step = Math.fround(Math.max(...channel.map(Math.abs)) / 127);
        channel.forEach((value, i) => (channel[i] = Math.round(value / step) * step));
      }
      return values;
    });
    expect(describeMismatch(await run('F32', 'i8'), reference(dequantised), close)).toBeUndefined();
  });

  it('adds a gated, activated result to a window, the table row by index', async () => {
    const product = reference(weights, 'silu');
    const expected = product.map((value, i) => {
      const c = i % width;
      const row = index[2 + Math.floor(i / width)];
      return before[i] + table[row * (width + 3) + 2 + c] * value;
    });
    const actual = await run('F32', 'f32', (builder) => ({
      activation: 'silu',
      gate: {
        table: builder.constant(table, 'f32', [2, width + 3], 'table'),
        column: 2,
        index: builder.rows(builder.constant(index, 'u32', [rows + 2], 'index'), 2, rows),
      },
    }));
    expect(describeMismatch(actual, expected, close)).toBeUndefined();
  });

  it('adds the result itself', async () => {
    const expected = reference(weights).map((value, i) => before[i] + value);
    expect(describeMismatch(await run('F32', 'f32', () => ({ residual: true })), expected, close)).toBeUndefined();
  });
});

describe('matmul refuses', () => {
  const builder = new ProgramBuilder(FLOOR_FACTS, 'test');
  const weight = matmulWeight(builder, { tensors: ['a'], outs: [8], inputs, dtype: 'f32' });
  const value = (...shape: number[]) => builder.state(`v${shape.join('x')}`, 'f32', shape);
  it.each([
    ['another width of x', { x: value(3, 9) }, 'matmul: x must be [*, 10], got [3, 9].'],
    ['a bias of another length', { x: value(3, 10), bias: value(7) }, 'matmul: bias must be [8], got [7].'],
    ['an out of another shape', { x: value(3, 10), out: value(3, 9) }, 'matmul: out must be [3, 8], got [3, 9].'],
    [
      'a residual into nothing',
      { x: value(3, 10), residual: true },
      'matmul: residual adds to "out", which is missing.',
    ],
    [
      'gate columns past the table',
      { x: value(3, 10), out: value(3, 8), gate: { table: value(2, 12), column: 5 } },
      'matmul: gate columns [5, 13) are outside of [2, 12].',
    ],
    [
      'both ways of adding',
      { x: value(3, 10), out: value(3, 8), residual: true, gate: { table: value(2, 12), column: 0 } },
      'matmul: give residual or gate, not both: a gate adds already.',
    ],
  ])('%s', (_, args, message) => {
    expect(() => matmul(builder, { weight, ...args })).toThrow(message);
  });

  it('weights without sizes', () => {
    expect(() => matmulWeight(builder, { tensors: ['a', 'b'], outs: [8], inputs, dtype: 'f32' })).toThrow(
      'matmul: 2 weights with 1 output sizes.',
    );
  });
});

import { describe, expect, it } from 'vitest';
import { quantizedRow, rotatedRow, rotationElement } from '../../../kernels/quantize-rows/quantize-rows.reference.ts';
import { rotatedRows, rotationGroup } from '../../../kernels/quantize-rows/quantize-rows-rotation.ts';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { matmul, matmulWeight } from '../../../runtime/ops/matmul.ts';
import { quantizeRows } from '../../../runtime/ops/quantize-rows.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { WeightStore } from '../../../runtime/weights/weight-store.ts';
import { describeMismatch } from '../../support/close.ts';
import { testEngine } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';

const engine = await testEngine();

/** Columns in groups of 4, 2, 256, 64 and 1. */
const GROUPS = [
  [36, 4],
  [22, 2],
  [1024, 256],
  [192, 64],
  [97, 1],
  [128, 128],
] as const;

describe('the rotation', () => {
  it.each(GROUPS)('of %i columns goes in groups of %i', (columns, group) => {
    expect(rotationGroup(columns)).toBe(group);
  });

  it.each([1, 2, 4, 8, 16, 32, 64, 128, 256])('of order %i is symmetric and orthonormal', (order) => {
    const at = (i: number, j: number) => rotationElement(order, i, j);
    for (let i = 0; i < order; i += Math.max(1, order / 16))
      for (let j = 0; j < order; j++) {
        let product = 0;
        for (let k = 0; k < order; k++) product += at(i, k) * at(k, j);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 12);
        expect(at(i, j)).toBe(at(j, i));
      }
  });

  it.each(GROUPS)('of rows of %i columns by butterflies is that by the matrix', (columns, group) => {
    const x = seededRandom(columns).floats(3 * columns);
    const expected = [0, 1, 2].flatMap((r) => [...rotatedRow(x.subarray(r * columns, (r + 1) * columns), group)]);
    expect(describeMismatch(rotatedRows(x, columns, group), expected, { atol: 1e-6, rtol: 1e-6, nmse: 1e-13 })).toBe(
      undefined,
    );
  });

  it('keeps rows of like values flat where its order is a power of 4, and spreads a lone outlier', () => {
    const like = rotatedRow(new Float64Array(256).fill(3), 256);
    expect(Math.max(...like.map(Math.abs))).toBeCloseTo(3, 12);
    const spike = rotatedRow(
      Float64Array.from({ length: 256 }, (_, i) => (i === 77 ? 160 : 0)),
      256,
    );
    expect(Math.max(...spike.map(Math.abs))).toBeCloseTo(10, 12);
  });
});

describe.skipIf(typeof engine === 'string')('i8 products of rounded rows and weights', () => {
  if (typeof engine === 'string') return;
  const rows = 21;

  /** Runs x w^T + bias with both sides rounded to i8 on the device. */
  async function product(x: Float32Array, w: Float32Array, columns: number, rotate: boolean): Promise<Float64Array> {
    if (typeof engine === 'string') throw new Error(engine);
    const outs = [w.length / columns - 5, 5];
    const width = outs[0] + outs[1];
    const builder = new ProgramBuilder(engine.facts, 'w8a8');
    builder.segment('all', () => {
      const weight = matmulWeight(builder, { tensors: ['a', 'b'], outs, inputs: columns, dtype: 'i8', rotate });
      const left = builder.rows(builder.constant(x, 'f32', [rows + 1, columns], 'x'), 1, rows);
      matmul(builder, {
        x: quantizeRows(builder, { x: left, rotate }),
        weight,
        out: builder.state('y', 'f32', [rows, width]),
      });
    });
    const reader = {
      name: 'layers',
      readTensor: async (name: string) => {
        const values = name === 'a' ? w.slice(0, outs[0] * columns) : w.slice(outs[0] * columns);
        const bytes = new Uint8Array(values.buffer);
        return { name, dtype: 'F32', shape: [values.length / columns, columns], bytes, toF32: () => values };
      },
    };
    const program = await compileProgram(engine, builder.finish(), { weights: new WeightStore(engine, reader) });
    program.run();
    const y = Float64Array.from((await program.read('y')) as Float32Array);
    program.dispose();
    return y;
  }

  const rowAt = (values: Float32Array, columns: number, r: number) => values.subarray(r * columns, (r + 1) * columns);

  /** x w^T in f64: of the operands as they are, or of what codes and steps stand for. */
  function reference(x: Float32Array, w: Float32Array, columns: number, group?: number): Float64Array {
    const side = (values: Float32Array, r: number): ArrayLike<number> => {
      if (group === undefined) return rowAt(values, columns, r);
      const { codes, scale } = quantizedRow(rowAt(values, columns, r), group);
      return codes.map((code) => code * scale);
    };
    const width = w.length / columns;
    const right = Array.from({ length: width }, (_, c) => side(w, c));
    const y = new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      const left = side(x, r + 1);
      for (let c = 0; c < width; c++) for (let k = 0; k < columns; k++) y[r * width + c] += left[k] * right[c][k];
    }
    return y;
  }

  function nmse(actual: Float64Array, expected: Float64Array): number {
    let error = 0;
    let norm = 0;
    for (let i = 0; i < actual.length; i++) {
      error += (actual[i] - expected[i]) ** 2;
      norm += expected[i] ** 2;
    }
    return error / norm;
  }

  it.each([
    [256, true],
    [384, true],
    [97, true],
    [150, false],
  ])('of %i columns, rotated %s: as the codes and steps say', async (columns, rotate) => {
    const random = seededRandom(columns);
    const x = random.floats((rows + 1) * columns);
    const w = random.floats(27 * columns);
    const expected = reference(x, w, columns, rotate ? rotationGroup(columns) : 1);
    // Single codes may fall on the other side of a tie: a step of one row is 2/127 of its largest value.
    expect(nmse(await product(x, w, columns, rotate), expected)).toBeLessThan(1e-6);
  });

  it('lose little of a product, and far less with the rotation where columns have outliers', async () => {
    const columns = 512;
    const random = seededRandom(5);
    const x = random.floats((rows + 1) * columns);
    const w = random.floats(40 * columns);
    const exact = reference(x, w, columns);
    expect(nmse(await product(x, w, columns, true), exact)).toBeLessThan(5e-4);
    expect(nmse(await product(x, w, columns, false), exact)).toBeLessThan(5e-4);
    // Four channels a hundred times as large, as modulated norms have them.
    for (let r = 0; r <= rows; r++) for (const c of [3, 100, 300, 411]) x[r * columns + c] *= 100;
    const spiky = reference(x, w, columns);
    const [rotated, plain] = [await product(x, w, columns, true), await product(x, w, columns, false)].map((y) =>
      nmse(y, spiky),
    );
    expect(rotated).toBeLessThan(plain / 2);
  });
});

describe('i8 products refuse', () => {
  const builder = new ProgramBuilder(FLOOR_FACTS, 'test');
  const x = builder.state('x', 'f32', [3, 64]);
  const weight = (rotate: boolean, dtype: 'i8' | 'f16' = 'i8') =>
    matmulWeight(builder, { tensors: ['a'], outs: [8], inputs: 64, dtype, rotate });
  const quantized = (rotate: boolean) => {
    let result: ReturnType<typeof quantizeRows> | undefined;
    builder.segment(`quantize ${rotate} ${Math.random()}`, () => (result = quantizeRows(builder, { x, rotate })));
    return result!;
  };

  it('operands that are not rotated alike', () => {
    const message = (w: number, given: number) =>
      `matmul: the weight is rotated in groups of ${w}, x in groups of ${given} (1 = not rotated).`;
    expect(() => matmul(builder, { x: quantized(false), weight: weight(true) })).toThrow(message(64, 1));
    expect(() => matmul(builder, { x: quantized(true), weight: weight(false) })).toThrow(message(1, 64));
    expect(() => matmul(builder, { x, weight: weight(true) })).toThrow(message(64, 1));
  });

  it('a weight of another dtype', () => {
    expect(() => matmul(builder, { x: quantized(false), weight: weight(false, 'f16') })).toThrow(
      'matmul: rows of i8 need a weight of i8, got f16.',
    );
    expect(() => weight(true, 'f16')).toThrow('matmul: only weights of i8 are rotated, got f16.');
  });
});

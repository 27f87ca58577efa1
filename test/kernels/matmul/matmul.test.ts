import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import { matmulVariants, planMatmul, type MatmulSpec } from '../../../kernels/matmul/matmul.ts';
import { pipelineKey } from '../../../kernels/plan.ts';

const gpu = FLOOR_FACTS;
const subgroups = (size: number) => ({ subgroups: true, subgroupMinSize: size, subgroupMaxSize: size });
const lavapipe: DeviceFacts = { ...gpu, kind: 'software', driver: 'lavapipe', ...subgroups(8) };
const wide: DeviceFacts = { ...lavapipe, ...subgroups(16) };
const swiftshader: DeviceFacts = { ...gpu, kind: 'software', driver: 'swiftshader', ...subgroups(4) };
const weight = { dtype: 'f32', order: 'nk' } as const;

function shape(m: number, n: number, k: number): MatmulSpec {
  return { m, n, k, w: weight };
}

describe('planMatmul', () => {
  it.each([
    ['few rows on a GPU', gpu, shape(4, 18432, 3072), 'gemv'],
    ['few rows on a GPU, w across', gpu, { ...shape(4, 64, 64), w: { dtype: 'f32', order: 'kn' } }, 'tiled64'],
    ['a small product on a GPU', gpu, shape(256, 768, 768), 'tiled64'],
    ['a large one', gpu, shape(8192, 12288, 3072), 'tiled128'],
    ['few rows on lavapipe', lavapipe, shape(2, 768, 768), 'outer4'],
    ['a small product on lavapipe', lavapipe, shape(128, 128, 128), 'outer16'],
    ['a large one on lavapipe', lavapipe, shape(512, 512, 512), 'outer32'],
    ['a large one with rows that 32 would waste', lavapipe, shape(65, 4096, 4096), 'outer16'],
    ['SwiftShader', swiftshader, shape(512, 512, 512), 'outer-unrolled'],
  ] satisfies [string, DeviceFacts, MatmulSpec, string][])('chooses for %s', (_, facts, spec, variant) => {
    expect(planMatmul(facts, spec).variant.split(',')[0]).toBe(variant);
    expect(matmulVariants(facts, spec)[0]).toBe(variant);
  });

  it('makes the workgroup as wide as the subgroup on software drivers', () => {
    expect([lavapipe, wide, swiftshader].map((facts) => planMatmul(facts, shape(64, 256, 64)).constants.WG)).toEqual([
      8, 16, 4,
    ]);
    expect(planMatmul(lavapipe, shape(64, 256, 64)).workgroups).toEqual([4 * 8, 1, 1]);
  });

  it('compiles nothing anew for another shape, stride or offset of the same alignment', () => {
    const keys = [
      shape(100, 64, 64),
      shape(140, 128, 96),
      { ...shape(100, 64, 32), x: { offset: 8, stride: 64 }, out: { offset: 64, stride: 128 }, alpha: 2 },
    ].map((spec) => pipelineKey(planMatmul(gpu, spec)));
    expect(new Set(keys).size).toBe(1);
    expect(pipelineKey(planMatmul(gpu, { ...shape(100, 64, 64), x: { offset: 1 } }))).not.toBe(keys[0]);
  });

  it('says how many bytes a window touches', () => {
    const plan = planMatmul(gpu, {
      ...shape(3, 8, 6),
      x: { offset: 16, stride: 20 },
      w: { dtype: 'bf16', order: 'nk', stride: 8 },
      out: { offset: 4, stride: 12 },
      bias: true,
      add: 'gated',
      gate: { offset: 8, stride: 48, tableRows: 2, indexed: true, rowOffset: 5 },
    });
    expect(Object.fromEntries(plan.bindings.map(({ name, byteLength }) => [name, byteLength]))).toEqual({
      x: (16 + 2 * 20 + 8) * 4,
      w: 8 * 8 * 2,
      bias: 32,
      gate: (8 + 48 + 8) * 4,
      rows: (5 + 3) * 4,
      out: (4 + 2 * 12 + 8) * 4,
    });
    expect(plan.bindings.map(({ name }) => name)).toEqual(['x', 'w', 'bias', 'gate', 'rows', 'out']);
    expect(plan.flops).toBe(2 * 3 * 8 * 6);
  });

  it.each([
    ['no inputs', shape(4, 4, 0), 'matmul: k must be a whole number of at least 1, got 0.'],
    [
      'packed rows that are not padded',
      { ...shape(4, 4, 6), w: { dtype: 'f16', order: 'nk' } },
      'matmul: packed f16 rows of w must start at multiples of 4 elements, got offset 0, stride 6. Pad them (packMatmulWeight does).',
    ],
    [
      'an f16 output written in part',
      { ...shape(4, 6, 4), out: { dtype: 'f16', stride: 8 } },
      'matmul: an f16 output needs n and its strides to be multiples of 4, got n = 6. Use f32.',
    ],
    [
      'overlapping rows',
      { ...shape(4, 8, 4), out: { stride: 4 } },
      'matmul: rows of out [4, 8] overlap, got stride 4.',
    ],
    [
      'a batch in one place',
      { ...shape(4, 8, 4), batch: 3 },
      'matmul: the 3 matrices of out overlap: batchStride is 0.',
    ],
    [
      'a gate without a table',
      { ...shape(4, 8, 4), add: 'gated' },
      'matmul: "gate" goes with add: "gated" and only with it, got add = gated.',
    ],
    [
      'a factor that is no number',
      { ...shape(4, 8, 4), alpha: Number.NaN },
      'matmul: alpha must be a finite number, got NaN.',
    ],
    [
      'addresses beyond 32 bits',
      shape(2 ** 20, 4, 2 ** 13),
      'matmul: x ends at element 8589934592, past 32-bit addresses. Split the rows.',
    ],
  ] satisfies [string, MatmulSpec, string][])('refuses %s', (_, spec, message) => {
    expect(() => planMatmul(gpu, spec)).toThrow(message);
  });

  it('refuses a variant that cannot run the problem', () => {
    expect(() => planMatmul(gpu, shape(5, 8, 8), 'gemv')).toThrow(
      'matmul: variant "gemv" cannot run m = 5, order nk on this device. Possible: tiled64, tiled128, naive,',
    );
  });
});

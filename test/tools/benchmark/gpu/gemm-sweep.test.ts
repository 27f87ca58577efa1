import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../../runtime/engine.ts';
import type { BenchCase } from '../../../../tools/benchmark/kernel-run.ts';
import { packFragments, unpackFragments } from '../../../../tools/benchmark/gpu/direct-gemm.ts';
import { directCases } from '../../../../tools/benchmark/gpu/direct-sweep.ts';
import { sweepCase } from '../../../../tools/benchmark/gpu/gemm-sweep.ts';
import { openNullGpu } from '../../../../tools/benchmark/gpu/null-gpu.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../../support/matrix-facts.ts';

const linter = '../../../../tools/lint/wgsl.mjs';
const { lintShader } = (await import(linter)) as {
  lintShader: (file: string, text: string) => readonly { readonly rule: string }[];
};

const engine = await createEngine({ gpu: await openNullGpu() });
const SHAPE = [8192, 12288, 3072] as const;
const sweep = sweepCase(...SHAPE);
const direct = directCases(NVIDIA_FACTS, ...SHAPE);

function textOf(testCase: BenchCase, variant: string): string {
  return testCase.plan(NVIDIA_FACTS, variant).sources.join('\n');
}

describe('sweep of the matrix product', () => {
  const variants = sweep.variants(NVIDIA_FACTS);

  it('changes two tiles in every way there is', () => {
    const changes = ['f16 staging', 'vec2 staging', 'no padding', 'band 1', 'band 8', 'band 64'];
    expect(variants).toHaveLength(14);
    for (const change of changes) expect(variants.filter((name) => name.endsWith(` + ${change}`))).toHaveLength(2);
    expect(new Set(variants.map((name) => textOf(sweep, name))).size).toBe(14);
  });

  it('stages f16 one by one in the same rows, and hands sums over in memory of their own', () => {
    const text = textOf(sweep, 'matrix-128x128x32-t128-b2 + f16 staging');
    // 2 buffers of 128 + 128 rows of 40; patches of 16 rows of 20 f32, one for each of four subgroups.
    expect(text).toContain('var<workgroup> stage: array<f16, 20480>;');
    expect(text).toContain('var<workgroup> patches: array<vec4<u32>, 320>;');
    expect(text).toContain('stage[at + 7u] = bitcast<vec4h>(next_left_0.zw).w;');
    expect(text).toMatch(/subgroupMatrixLoad<Left, row_major>\(&stage, [^,]*, 40u\)/);
    // One buffer leaves room for whole rows of fragments, as the planner has them.
    const one = textOf(sweep, 'matrix-128x128x32-t128-b1 + f16 staging');
    expect(one).toContain('var<workgroup> patches: array<vec4<u32>, 1088>;');
  });
});

describe('fragments from global memory', () => {
  const [rows, packed] = direct;

  it('takes three tiles with each type, in both orders', () => {
    expect(rows.variants(NVIDIA_FACTS)).toEqual(
      ['vec4<u32>', 'f16'].flatMap((type) =>
        ['128x128x32-t128', '128x128x64-t128', '128x256x32-t256'].map((tile) => `matrix-${tile}-b1 + rows of ${type}`),
      ),
    );
    expect(packed.variants(NVIDIA_FACTS)).toHaveLength(6);
    const texts = direct.flatMap((one) => one.variants(NVIDIA_FACTS).map((name) => textOf(one, name)));
    expect(new Set(texts).size).toBe(12);
    for (const text of texts) expect(text).not.toContain('next_left');
  });

  it('does not run where no tile divides the product, nor without a matrix unit', () => {
    for (const [m, n, k] of [
      [8192 + 16, 12288, 3072],
      [8192, 12288 + 16, 3072],
      [8192, 12288, 3072 + 16],
    ])
      for (const one of directCases(NVIDIA_FACTS, m, n, k)) expect(one.variants(NVIDIA_FACTS)).toEqual([]);
    const without = { ...NVIDIA_FACTS, matrixConfigs: [] };
    expect(directCases(without, ...SHAPE).flatMap((one) => one.variants(without))).toEqual([]);
  });

  it('packs fragment after fragment, row after row of them', () => {
    const matrix = Uint16Array.from({ length: 4 * 6 }, (_, i) => i);
    const inFragments = [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11, 12, 13, 14, 18, 19, 20, 15, 16, 17, 21, 22, 23];
    expect([...packFragments(matrix, 6, 2, 3)]).toEqual(inFragments);
    expect(unpackFragments(Uint16Array.from(inFragments), 6, 2, 3)).toEqual(matrix);
  });
});

describe.each([sweep, ...direct])('$name', (testCase) => {
  it.each(testCase.variants(NVIDIA_FACTS))('%s compiles for an NVIDIA GPU, by the rules of shaders', async (name) => {
    const code = textOf(testCase, name);
    const { messages } = await engine.device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
    expect(lintShader('kernels/matmul/generated.wgsl', code)).toEqual([]);
  });

  // Its workgroup memory is 16 KiB: the tiles that fit.
  it('makes pipelines on the null back end, 16 x 16 x 16 and subgroups of 32', async () => {
    const variants = testCase.variants(engine.facts);
    expect(variants.length).toBeGreaterThanOrEqual(6);
    for (const name of variants) await engine.pipelines.get(testCase.plan(engine.facts, name));
  });

  it('keeps the rules of shaders on lavapipe', () => {
    for (const name of testCase.variants(LAVAPIPE_FACTS))
      expect(
        lintShader('kernels/matmul/generated.wgsl', testCase.plan(LAVAPIPE_FACTS, name).sources.join('\n')),
      ).toEqual([]);
  });
});

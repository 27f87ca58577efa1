import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../../runtime/engine.ts';
import { sweepCase } from '../../../../tools/benchmark/gpu/gemm-sweep.ts';
import { openNullGpu } from '../../../../tools/benchmark/gpu/null-gpu.ts';
import { NVIDIA_FACTS } from '../../../support/matrix-facts.ts';

const { device } = await createEngine({ gpu: await openNullGpu() });
const sweep = sweepCase(8192, 12288, 3072);

describe('sweep of the matrix product', () => {
  const variants = sweep.variants(NVIDIA_FACTS);

  it('changes two tiles in every way there is', () => {
    const changes = ['band 1', 'band 8', 'band 64', 'no padding', 'vec2 staging'];
    expect(variants).toHaveLength(12);
    for (const change of changes) expect(variants.filter((name) => name.endsWith(` + ${change}`))).toHaveLength(2);
    expect(new Set(variants.map((name) => sweep.plan(NVIDIA_FACTS, name).sources.join('\n'))).size).toBe(12);
  });

  it.each(variants)('%s compiles for an NVIDIA GPU', async (name) => {
    const code = sweep.plan(NVIDIA_FACTS, name).sources.join('\n');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
  });
});

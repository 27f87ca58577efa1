import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../../kernels/facts.ts';
import { createEngine } from '../../../../runtime/engine.ts';
import { attentionSweep } from '../../../../tools/benchmark/gpu/attention-sweep.ts';
import { openNullGpu } from '../../../../tools/benchmark/gpu/null-gpu.ts';
import { NVIDIA_FACTS } from '../../../support/matrix-facts.ts';

const engine = await createEngine({ gpu: await openNullGpu() });
const sweep = attentionSweep(12800, 24, 128);

describe('sweep of attention', () => {
  const variants = sweep.variants(NVIDIA_FACTS);

  it("has every tile with the bound and with the search for the maximum, the planner's first", () => {
    const tiles = ['matrix', 'matrix-32x64', 'matrix-32x32', 'matrix-16x32', 'matrix-64x32', 'matrix-128x32'];
    expect(variants.slice(0, 3)).toEqual(['matrix', 'matrix-online', 'matrix-online + every rise']);
    for (const tile of tiles)
      expect(variants.filter((name) => name === tile || name === `${tile}-online`)).toHaveLength(2);
    expect(variants).toContain('flash');
    const texts = new Set(variants.map((name) => sweep.plan(NVIDIA_FACTS, name).sources.join('\n')));
    expect(texts.size).toBe(variants.length);
    expect(sweep.variants(FLOOR_FACTS)).toEqual(['flash']);
  });

  it.each(variants)('%s compiles for an NVIDIA GPU', async (name) => {
    const code = sweep.plan(NVIDIA_FACTS, name).sources.join('\n');
    const { messages } = await engine.device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
  });

  it('makes pipelines of what fits the null back end', async () => {
    const fitting = sweep.variants(engine.facts);
    expect(fitting).toContain('matrix-online');
    for (const name of fitting) await engine.pipelines.get(sweep.plan(engine.facts, name));
  });
});

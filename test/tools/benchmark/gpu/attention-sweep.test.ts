import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../../kernels/facts.ts';
import { createEngine } from '../../../../runtime/engine.ts';
import { attentionSweep } from '../../../../tools/benchmark/gpu/attention-sweep.ts';
import { openNullGpu } from '../../../../tools/benchmark/gpu/null-gpu.ts';
import { NVIDIA_FACTS } from '../../../support/matrix-facts.ts';

const engine = await createEngine({ gpu: await openNullGpu() });
const sizes = [12800, 24, 128] as const;
const sweep = attentionSweep(NVIDIA_FACTS, ...sizes);
const [staged, direct] = sweep.map((testCase) => testCase.variants(NVIDIA_FACTS));

describe('sweep of attention', () => {
  it("has every tile with the bound and with the search for the maximum, the planner's first", () => {
    const tiles = ['matrix', 'matrix-32x64', 'matrix-32x32', 'matrix-16x32', 'matrix-64x32', 'matrix-128x32'];
    expect(staged.slice(0, 3)).toEqual(['matrix', 'matrix-online', 'matrix-online + every rise']);
    for (const variants of [staged, direct])
      for (const tile of tiles)
        expect(variants.filter((name) => name === tile || name === `${tile}-online`)).toHaveLength(2);
    expect(staged).toContain('flash');
    const texts = sweep.flatMap((testCase) =>
      testCase.variants(NVIDIA_FACTS).map((name) => testCase.plan(NVIDIA_FACTS, name).sources.join('\n')),
    );
    expect(new Set(texts).size).toBe(staged.length + direct.length);
    expect(attentionSweep(FLOOR_FACTS, ...sizes).map((testCase) => testCase.variants(FLOOR_FACTS))).toEqual([
      ['flash'],
    ]);
  });

  it('makes inputs and reference once for all variants', () => {
    // The suite makes them anew for each variant where these functions look at one.
    for (const testCase of sweep) expect(testCase.inputs.length).toBeLessThan(3);
  });

  it.each([...staged.map((name) => [name, 0] as const), ...direct.map((name) => [name, 1] as const)])(
    '%s compiles for an NVIDIA GPU (case %d)',
    async (name, i) => {
      const code = sweep[i].plan(NVIDIA_FACTS, name).sources.join('\n');
      const { messages } = await engine.device.createShaderModule({ code }).getCompilationInfo();
      expect(messages.map(({ message }) => message)).toEqual([]);
    },
  );

  it('makes pipelines of what fits the null back end', async () => {
    const fitting = attentionSweep(engine.facts, ...sizes);
    expect(fitting).toHaveLength(2);
    for (const testCase of fitting) {
      const names = testCase.variants(engine.facts);
      expect(names).toContain('matrix-online');
      for (const name of names) await engine.pipelines.get(testCase.plan(engine.facts, name));
    }
  });
});

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../../model/pipeline/load-pipeline.ts';
import { toGenerate } from '../../../model/pipeline/tasks.ts';
import type { MrtPipelineOptions } from '../../../model/pipeline/mrt-pipeline.ts';
import { modelFolder } from '../../../runtime/node/model-folder.ts';
import { testEngine } from '../../support/engine.ts';
import { loadTestPicture as pictures, twoLayers } from '../../support/tiny-mrt.ts';

const engine = await testEngine();
const SHIPPED = fileURLToPath(new URL('../../../checkpoints/mrt-tiny', import.meta.url));

describe.skipIf(typeof engine === 'string')('a denoise of the shipped model in w8a8', () => {
  if (typeof engine === 'string') return;

  /** The latents after each of eight steps. */
  async function latents(options: MrtPipelineOptions): Promise<Float32Array[]> {
    if (typeof engine === 'string') throw new Error(engine);
    await using pipeline = await loadPipeline(engine, await modelFolder(SHIPPED), options);
    const all: Float32Array[] = [];
    const design = twoLayers({ sampling: { steps: 8, seed: 3 } });
    await pipeline.run(toGenerate(design, 'a red circle and a blue star'), {
      pictures,
      onTokens: (_, tokens) => void all.push(tokens.slice()),
    });
    return all;
  }

  it('stays close to f32, and closer with the rotation than without', async () => {
    const exact = await latents({ precision: 'f32' });
    const w8a8 = await latents({ precision: 'w8a8' });
    const plain = await latents({ precision: 'w8a8', w8a8: { rotate: false } });
    expect(exact).toHaveLength(8);
    // The mean of squares of the last latents against f32; the first step's change is one velocity.
    const change = (steps: readonly Float32Array[]) => steps[1].map((value, i) => value - steps[0][i]);
    const [last, unrotated] = [nmse(w8a8[7], exact[7]), nmse(plain[7], exact[7])];
    expect(last).toBeGreaterThan(1e-7);
    expect(last).toBeLessThan(5e-4);
    expect(nmse(change(w8a8), change(exact))).toBeLessThan(5e-4);
    expect(last).toBeLessThan(unrotated);
  });
});

function nmse(actual: Float32Array, expected: Float32Array): number {
  let error = 0;
  let norm = 0;
  for (let i = 0; i < actual.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return error / norm;
}

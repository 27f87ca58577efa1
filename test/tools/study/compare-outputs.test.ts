import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareOutputs, nmse } from '../../../tools/study/compare-outputs.ts';
import { loadOutput, saveOutput, type RunOutput } from '../../../tools/study/run-output.ts';
import { seededRandom } from '../../support/random.ts';

function output(seed: number, change = 0): RunOutput {
  const random = seededRandom(seed);
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.integer(256));
  const alpha = (rgba: Uint8Array): Uint8Array =>
    rgba.map((value, i) => (i % 4 === 3 ? (value > 127 ? 255 : 0) : value));
  return {
    latents: [0, 1].map(() => random.floats(12).map((value) => value + change)),
    layers: [{ id: 'a', box: [-4, 0, 12, 16], rgba: alpha(bytes(4 * 16 * 16)) }],
    merged: { width: 16, height: 16, data: alpha(bytes(4 * 256)) },
  };
}

describe('compareOutputs', () => {
  it('finds nothing between a run and itself', () => {
    expect(compareOutputs(output(1), output(1))).toEqual({
      psnr: 50,
      ssim: 1,
      layers: [{ id: 'a', psnr: 50, ssim: 1, alphaIou: 1 }],
      latentNmse: [0, 0],
      finalNmse: 0,
    });
  });

  it('measures latents by step, pictures and alphas', () => {
    const found = compareOutputs(output(2), output(1));
    expect(found.psnr).toBeLessThan(12);
    expect(found.layers[0].alphaIou).toBeGreaterThan(0.2);
    expect(found.layers[0].alphaIou).toBeLessThan(0.5);
    expect(found.latentNmse!.every((value) => value > 0.5)).toBe(true);
    const near = compareOutputs(output(1, 1e-3), output(1));
    expect(near.finalNmse).toBeGreaterThan(1e-8);
    expect(near.finalNmse).toBeLessThan(1e-5);
    expect(near.finalNmse).toBe(near.latentNmse!.at(-1));
  });

  it('scores a layer on whatever either run drew: what one lacks counts', () => {
    const a = output(1);
    const shifted = { ...a, layers: [{ ...a.layers[0], box: [12, 0, 28, 16] as const }] };
    expect(compareOutputs(shifted, a).layers[0].alphaIou).toBe(0);
  });

  it('compares latents of other step counts at the end only, and of other tokens not at all', () => {
    const a = output(1);
    const longer = { ...a, latents: [...a.latents, a.latents[1]] };
    expect(compareOutputs(longer, a)).toMatchObject({ latentNmse: undefined, finalNmse: 0 });
    const other = { ...a, latents: [new Float32Array(3)] };
    expect(compareOutputs(other, a)).toMatchObject({ latentNmse: undefined, finalNmse: undefined });
  });

  it('calls latents that left the numbers infinitely far', () => {
    expect(nmse(Float32Array.of(Number.NaN), Float32Array.of(1))).toBe(Number.POSITIVE_INFINITY);
    expect(nmse(Float32Array.of(0, 0), Float32Array.of(0, 0))).toBe(0);
    expect(nmse(Float32Array.of(1), Float32Array.of(0))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('reference files', () => {
  it('give back what was kept', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'layerloom-study-'));
    try {
      const path = join(folder, 'a/b.safetensors');
      expect(await loadOutput(path)).toBeUndefined();
      await saveOutput(path, output(3));
      const found = await loadOutput(path);
      expect(compareOutputs(found!, output(3)).finalNmse).toBe(0);
      expect(found).toEqual(output(3));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../../runtime/safetensors/convert.ts';
import { ggmlTurns, quantizedData } from '../../../../tools/benchmark/gpu/ggml-steps.ts';
import { ortTurns } from '../../../../tools/benchmark/gpu/ort-steps.ts';
import type { StepContext } from '../../../../tools/benchmark/gpu/step.ts';

const [M, N, K] = [2, 3, 64];

describe('int8 weights for ggml', () => {
  const w = Int8Array.from({ length: N * K }, (_, i) => ((i * 37) % 255) - 127);
  const x = f32ToF16(Float32Array.from({ length: M * K }, (_, i) => Math.sin(i)));
  const scales = Float32Array.of(0.00051234, 0.00046, 0.0011);

  it('are q8_0 of the same weights, and the reference has its scales', () => {
    const product = (scale: (n: number) => number): Float64Array =>
      Float64Array.from({ length: M * N }, (_, at) => {
        const [m, n] = [Math.floor(at / N), at % N];
        const left = f16ToF32(x);
        let sum = 0;
        for (let i = 0; i < K; i++) sum += left[m * K + i] * w[n * K + i];
        return sum * scale(n);
      });
    const indices = Uint32Array.of(1, 3, 5);
    const exact = product((n) => scales[n]);
    const values = Float64Array.from(indices, (index) => exact[index]);
    const { tensors, reference } = quantizedData([M, N, K])({
      inputs: { x, w, scales },
      expected: { out: { dtype: 'f32', length: M * N, indices, values } },
    });
    // Read back as ggml lays them out: 34 bytes for 32 weights, the scale first.
    const bytes = tensors.w.data as Uint8Array;
    expect(bytes).toHaveLength(((N * K) / 32) * 34);
    const blocks = Array.from({ length: (N * K) / 32 }, (_, i) => bytes.slice(i * 34, i * 34 + 34));
    const scaleOf = (n: number): number => f16ToF32(new Uint16Array(blocks[n * (K / 32)].buffer.slice(0, 2)))[0];
    expect(blocks.map((block) => [...new Int8Array(block.buffer).slice(2)]).flat()).toEqual([...w]);
    for (let n = 0; n < N; n++) expect(Math.abs(scaleOf(n) / scales[n] - 1)).toBeLessThan(2 ** -11);
    const rounded = product(scaleOf);
    for (const [i, index] of indices.entries()) expect(reference.values[i]).toBeCloseTo(rounded[index], 12);
  });
});

describe('steps of peers that are not carried', () => {
  it('are skipped by name', async () => {
    const peers = mkdtempSync(join(tmpdir(), 'layerloom-no-peers-'));
    const context = { peers } as StepContext;
    expect(await ggmlTurns(context, [], [])).toMatchObject({
      fault: null,
      skipped: expect.stringContaining('not carried'),
    });
    expect(await ortTurns(context, [], [])).toMatchObject({ fault: null, skipped: expect.stringMatching(/ort\.mjs/) });
    rmSync(peers, { recursive: true, force: true });
  });
});

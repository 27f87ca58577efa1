import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import {
  fusesMatmul,
  matmulVariants,
  planMatmul,
  type MatmulSpec,
  type MatmulVariant,
} from '../../../kernels/matmul/matmul.ts';
import { MATRIX_TILES, tileName } from '../../../kernels/matrix-tile.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { openDawn } from '../../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';

/** 256 rows of text and 1024 of image, projected out of attention. */
const spec: MatmulSpec = {
  m: 1280,
  n: 3072,
  k: 3072,
  w: { dtype: 'f16', order: 'nk', batchStride: 3072 * 3072 },
  bias: true,
  split: { at: 256 },
};
const separate = { at: 256, out: { offset: 0, isSeparate: true } };
const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });

describe('two products in one dispatch', () => {
  for (const form of ['unrolled', 'rolled'] as const)
    for (const tile of MATRIX_TILES)
      it(`${tileName(tile)}, ${form}, compiles at 16 x 16 x 16 and subgroups of 32`, async () => {
        const facts: DeviceFacts = { ...NVIDIA_FACTS, kind: form === 'rolled' ? 'software' : 'gpu' };
        const gated = { ...spec, add: 'gated', gate: { indexed: true }, split: separate } as const;
        for (const each of [spec, gated]) {
          const code = planMatmul(facts, each, tileName(tile) as MatmulVariant).sources.join('\n');
          const { messages } = await engine.device.createShaderModule({ code }).getCompilationInfo();
          expect(messages.map(({ lineNum, message }) => `${lineNum}: ${message}`)).toEqual([]);
        }
      });

  it('have tiles of their own', () => {
    const tiles = (at: number) =>
      planMatmul(NVIDIA_FACTS, { ...spec, split: { at } }, 'matrix-128x128x32-t128-b1').workgroups[0];
    expect(tiles(256)).toBe(24 * 10);
    expect(tiles(200)).toBe(24 * (2 + 9));
  });

  it('run on the matrix unit alone, where the planner takes it anyway', () => {
    expect(matmulVariants(FLOOR_FACTS, spec)).toEqual([]);
    expect(() => planMatmul(FLOOR_FACTS, spec)).toThrow('this device has no matrix unit for a split product');
    expect(fusesMatmul(FLOOR_FACTS, spec)).toBe(false);
    expect(fusesMatmul(NVIDIA_FACTS, spec)).toBe(true);
    expect(fusesMatmul(LAVAPIPE_FACTS, spec)).toBe(false);
    expect(fusesMatmul({ ...LAVAPIPE_FACTS, preferMatrix: true }, spec)).toBe(true);
  });

  it('bind no more than the device can', () => {
    const few = (count: number) => ({
      ...NVIDIA_FACTS,
      limits: { ...NVIDIA_FACTS.limits, maxStorageBuffersPerShaderStage: count },
    });
    const gated: MatmulSpec = { ...spec, add: 'gated', gate: { indexed: true }, split: separate };
    expect(fusesMatmul(few(7), gated)).toBe(true);
    expect(fusesMatmul(few(6), gated)).toBe(false);
    const wide = { ...spec, n: 12288, w: { ...spec.w, batchStride: 12288 * 3072 } };
    expect(fusesMatmul(NVIDIA_FACTS, wide)).toBe(false);
    const large = { ...NVIDIA_FACTS, limits: { ...NVIDIA_FACTS.limits, maxStorageBufferBindingSize: 2 ** 31 - 4 } };
    expect(fusesMatmul(large, wide)).toBe(true);
  });

  it.each([
    [{ split: { at: 0 } }, 'split.at must be a whole number in [1, 1280), got 0'],
    [{ split: { at: 1280 } }, 'split.at must be a whole number in [1, 1280), got 1280'],
    [{ batch: 2, out: { batchStride: 1280 * 3072 } }, 'a split product has no batch, got 2'],
    [{ n: 3070 }, 'multiples of 4, got n = 3070'],
    [{ split: { at: 256, out: { offset: 3072 } } }, 'both parts of out overlap'],
  ] as const)('refuse %#', (other, message) => {
    expect(() => planMatmul(NVIDIA_FACTS, { ...spec, ...other })).toThrow(message);
  });
});

import { describe, expect, it } from 'vitest';
import {
  conv2dFusesNorm,
  conv2dVariants,
  isMatrixConv,
  planConv2d,
  type Conv2dOptions,
} from '../../../kernels/conv2d/conv2d.ts';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { MATRIX_TILES } from '../../../kernels/matrix-tile.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { openDawn } from '../../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';

// Dawn's null back end type-checks matrix kernels of any shape; its 16 KiB of workgroup memory hold the small tiles only.
const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
const { device } = engine;
const picture: Conv2dOptions = { inH: 128, inW: 128, inC: 384, outC: 192, kernel: 3, upsample: 2, weightDType: 'f16' };

describe('convolutions on a 16 x 16 x 16 unit', () => {
  for (const norm of [undefined, { silu: true }])
    it(`compiles every tile${norm ? ', normalising its input' : ''}`, async () => {
      const options = { ...picture, ...(norm && { norm }) };
      const variants = conv2dVariants(NVIDIA_FACTS, options).filter(isMatrixConv);
      expect(variants.length).toBe(MATRIX_TILES.length);
      for (const variant of variants) {
        const plan = planConv2d(NVIDIA_FACTS, options, variant);
        const { messages } = await device.createShaderModule({ code: plan.sources.join('\n') }).getCompilationInfo();
        expect(messages.map(({ lineNum, message }) => `${variant} ${lineNum}: ${message}`)).toEqual([]);
      }
      const here = { ...NVIDIA_FACTS, limits: engine.facts.limits };
      const fitting = conv2dVariants(here, options).filter(isMatrixConv);
      expect(fitting.length).toBeGreaterThanOrEqual(3);
      for (const variant of fitting) await engine.pipelines.get(planConv2d(here, options, variant));
    });

  it('normalises only there', () => {
    const normed = { ...picture, norm: { silu: true } };
    expect(conv2dFusesNorm(NVIDIA_FACTS, picture)).toBe(true);
    expect(conv2dVariants(NVIDIA_FACTS, normed).every(isMatrixConv)).toBe(true);
    expect(conv2dFusesNorm(LAVAPIPE_FACTS, picture)).toBe(false);
    expect(conv2dFusesNorm({ ...LAVAPIPE_FACTS, preferMatrix: true }, picture)).toBe(true);
    expect(() => planConv2d(FLOOR_FACTS, normed)).toThrow(
      'conv2d: a norm needs a variant of the matrix unit, got "none". Use pixel_norm before.',
    );
    expect(() => planConv2d(NVIDIA_FACTS, normed, 'tile')).toThrow('got "tile"');
  });
});

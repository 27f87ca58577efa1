import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { planTransformer } from '../../../model/mmdit/transformer.ts';
import { Checkpoint } from '../../../model/checkpoint/checkpoint.ts';
import { planImages } from '../../../model/tokens/plan-images.ts';
import { modelFolder } from '../../../runtime/node/model-folder.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import { openDenoiseKinds } from '../../../tools/golden/kinds-gpu-denoise.ts';
import { openTransformerKinds } from '../../../tools/golden/kinds-gpu-transformer.ts';
import { runCase } from '../../../tools/golden/run.ts';
import { TINY_MRT } from '../../support/tiny-mrt.ts';

// Whole denoising runs and network passes with every product on the matrix unit, against the reference implementations,
// within the bounds of f16 arithmetic.
const opened = await openEngine({ tier: 'T2' }).catch((error: unknown) => String(error));
const CASES = [
  'tf-base-odd',
  'tf-edit-two',
  'tf-layered-3',
  'mrt-transformer-restyle',
  'mrt-denoise-t2l-cfg',
  'mrt-denoise-restyle',
  'mrt-denoise-add',
  'mrt-denoise-i2l',
];
const folders = await findCaseFolders('test/golden/core');
const cases = await Promise.all(folders.filter((folder) => CASES.includes(basename(folder))).map(readCase));

if (typeof opened === 'string') describe('tier T2', () => it.skip(`golden cases: ${opened}`, () => {}));
else
  describe('golden cases at tier T2', () => {
    const kinds = [openTransformerKinds(async () => opened), openDenoiseKinds(async () => opened)];
    const handlers = new Map(kinds.flatMap((kind) => [...kind.handlers]));
    afterAll(async () => {
      for (const kind of kinds) await kind.close();
      opened.dispose();
    });

    it('all products of more than four rows are matrix products', async () => {
      const checkpoint = await Checkpoint.open(await modelFolder(TINY_MRT));
      const config = await checkpoint.transformerConfig();
      const plan = planTransformer(
        opened.facts,
        await checkpoint.weights(checkpoint.manifest.folders.transformer),
        {
          config,
          tokens: planImages([[1, 4, 4]], { variant: 'base', zeroCondT: config.zeroCondT }),
          textLength: 7,
          ropeTheta: 10_000,
        },
        'f16',
      );
      const products = plan.dispatches
        .filter((dispatch) => dispatch.plan.op === 'matmul')
        .map(({ plan: p }) => p.variant);
      expect(products.length).toBeGreaterThan(10);
      expect(products.filter((variant) => !variant.startsWith('matrix-'))).toEqual([]);
      await checkpoint.close();
    });

    it.each(cases.map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
      const result = await runCase(golden, { handlers, precision: 'f16' });
      expect(result.error).toBeUndefined();
      expect(result.results.filter(({ ok }) => !ok)).toEqual([]);
      expect(result.results.some(({ check }) => check === 'nmseF16')).toBe(true);
    });
  });

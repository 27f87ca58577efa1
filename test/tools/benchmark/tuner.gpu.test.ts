import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attentionShapeClass, attentionVariants, planAttention } from '../../../kernels/attention/attention.ts';
import { conv2dShapeClass, conv2dVariants, planConv2d } from '../../../kernels/conv2d/conv2d.ts';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { matmulShapeClass, matmulVariants, planMatmul } from '../../../kernels/matmul/matmul.ts';
import { tuningKey } from '../../../kernels/tuning.ts';
import {
  attentionTarget,
  blockTargets,
  conv2dTarget,
  decoderTargets,
  matmulTarget,
  MAX_CANDIDATES,
} from '../../../tools/benchmark/tune-targets.ts';
import { tune } from '../../../tools/benchmark/tuner.ts';
import { readTuning, writeTuning } from '../../../tools/benchmark/tuning-file.ts';
import { testEngine } from '../../support/engine.ts';
import { NVIDIA_FACTS } from '../../support/matrix-facts.ts';

const engine = await testEngine();
const folder = mkdtempSync(join(tmpdir(), 'layerloom-tuning-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spec = { m: 8, n: 64, k: 64, w: { dtype: 'f32', order: 'nk' } } as const;

describe('tuning table', () => {
  const key = tuningKey('matmul', matmulShapeClass(spec));

  it('decides what planners choose, where it can run', () => {
    const [first, second] = matmulVariants(FLOOR_FACTS, spec);
    const tuned = { ...FLOOR_FACTS, tuning: { [key]: second } };
    expect(matmulVariants(tuned, spec).slice(0, 2)).toEqual([second, first]);
    expect(planMatmul(tuned, spec)).toEqual(planMatmul(FLOOR_FACTS, spec, second));
    // Other shapes and unknown names are as before.
    expect(planMatmul(tuned, { ...spec, n: 68 })).toEqual(planMatmul(FLOOR_FACTS, { ...spec, n: 68 }));
    expect(planMatmul({ ...FLOOR_FACTS, tuning: { [key]: 'gone' } }, spec)).toEqual(planMatmul(FLOOR_FACTS, spec));
  });

  it('decides attention and convolutions as well', () => {
    const heads = { queryRows: 300, keyRows: 300, heads: 2, headDim: 128, keyNorm: 11 };
    const tiles = attentionVariants(NVIDIA_FACTS, heads).filter((name) => name.startsWith('matrix'));
    expect(tiles.length).toBeGreaterThan(2);
    const attention = { [tuningKey('attention', attentionShapeClass(heads) ?? '')]: tiles[2] };
    const tuned = { ...NVIDIA_FACTS, tuning: attention };
    expect(planAttention(tuned, heads)).toEqual(planAttention(NVIDIA_FACTS, heads, tiles[2]));
    expect(planAttention(tuned, heads)).not.toEqual(planAttention(NVIDIA_FACTS, heads));
    // Packed sequences were cut for one tile before anybody planned.
    const packed = { ...heads, blocks: 5 };
    expect(planAttention(tuned, packed)).toEqual(planAttention(NVIDIA_FACTS, packed));

    const picture = { inH: 20, inW: 20, inC: 16, outC: 16, kernel: 3, weightDType: 'f16' } as const;
    const [first, second] = conv2dVariants(NVIDIA_FACTS, picture);
    const facts = { ...NVIDIA_FACTS, tuning: { [tuningKey('conv2d', conv2dShapeClass(picture))]: second } };
    expect(first).not.toBe(second);
    expect(planConv2d(facts, picture)).toEqual(planConv2d(NVIDIA_FACTS, picture, second));
    expect(planConv2d(facts, { ...picture, stride: 2 })).toEqual(planConv2d(NVIDIA_FACTS, { ...picture, stride: 2 }));
  });

  it('has one class for row counts within a power of two', () => {
    expect(matmulShapeClass({ ...spec, m: 5 })).toBe(matmulShapeClass(spec));
    expect(matmulShapeClass({ ...spec, m: 9 })).not.toBe(matmulShapeClass(spec));
  });

  it.each(['{', '{}', 'null', '{"format":"layerloom-tuning","version":1,"device":"x","table":{"a":1}}'])(
    'refuses the file %s',
    async (text) => {
      const file = join(folder, 'bad.json');
      writeFileSync(file, text);
      await expect(readTuning(file)).rejects.toThrow(/^bench: --tuning /);
    },
  );
});

describe.skipIf(typeof engine === 'string')(
  `tuner on ${typeof engine === 'string' ? engine : engine.info.description}`,
  () => {
    if (typeof engine === 'string') return;

    it('times rivals that round alike, drops wrong ones, and takes the fastest', async () => {
      const target = matmulTarget(engine, spec);
      expect(target.variants.length).toBeGreaterThan(1);
      expect(target.variants.length).toBeLessThanOrEqual(MAX_CANDIDATES);
      expect(target.variants.filter((name) => name.startsWith('matrix-') || name === 'naive')).toEqual([]);
      const [own, rival] = target.variants;
      // The rival is the planner's choice itself but for its result, so only the check can tell.
      const spoilt = {
        ...target,
        variants: [own, rival],
        plan: (variant: string) => {
          const plan = target.plan(own);
          const sources = plan.sources.map((text) => text.replace(/p(?:arams)?\.alpha/, '0.5 * $&'));
          return variant === own ? plan : { ...plan, sources };
        },
      };
      expect(spoilt.plan(rival).sources).not.toEqual(target.plan(own).sources);
      const { results, table } = await tune(engine, [spoilt]);
      expect(results[0].times.find(({ variant }) => variant === rival)?.ms).toBeNull();
      expect(results[0].chosen).toBe(own);
      expect(table).toEqual({});
    });

    it('offers what a block and a decoder run, and picks among attention and convolutions', async () => {
      const targets = [...blockTargets(engine, 64, [5], 'f32'), ...decoderTargets(engine, 16, 'f32')];
      expect(targets.map(({ op }) => op)).toEqual([
        ...Array<string>(4).fill('matmul'),
        'attention',
        ...Array<string>(5).fill('conv2d'),
      ]);
      const small = [
        attentionTarget(engine, { queryRows: 9, keyRows: 9, heads: 2, headDim: 16 }),
        conv2dTarget(engine, { inH: 5, inW: 6, inC: 8, outC: 8, kernel: 3, weightDType: 'f32' }),
      ];
      const { results } = await tune(engine, small);
      expect(results.map(({ op }) => op)).toEqual(['attention', 'conv2d']);
      for (const [i, { times, chosen }] of results.entries()) {
        expect(small[i].variants).toContain(chosen);
        // All of them are right: none is out.
        expect(times.filter(({ ms }) => ms === null)).toEqual([]);
        expect(times.length).toBe(small[i].variants.length);
        expect(times.length).toBeGreaterThan(1);
      }
    });

    it('writes what it reads', async () => {
      const results = [{ op: 'matmul', shapeClass: 'a', times: [{ variant: 'outer4', ms: 1 }], chosen: 'outer4' }];
      const file = join(folder, 'good.json');
      await writeTuning(file, engine, { table: { 'matmul | a': 'outer4' }, results });
      expect(await readTuning(file)).toEqual({ table: { 'matmul | a': 'outer4' }, device: engine.info.description });
    });
  },
);

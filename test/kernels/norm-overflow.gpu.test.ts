import { describe, expect, it } from 'vitest';
import {
  layerNormModulateVariants,
  planLayerNormModulate,
} from '../../kernels/layer-norm-modulate/layer-norm-modulate.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import { planQkNormRope } from '../../kernels/qk-norm-rope/qk-norm-rope.ts';
import { planRmsNorm } from '../../kernels/rms-norm/rms-norm.ts';
import { testEngine } from '../support/engine.ts';
import { runPlan } from '../support/run-plan.ts';

const engine = await testEngine();

// Squares of these leave f32's range; the rows themselves, their sums and means do not.
const columns = 36;
const huge = Float32Array.from({ length: columns }, (_, c) => (1 + c / 7) * (c % 3 === 0 ? -1e30 : 1e30));
const x = Float32Array.from([...huge, ...huge.map((value) => value * 1e-30)]);

describe.skipIf(typeof engine === 'string')('a row whose squares overflow becomes NaN, its neighbour does not', () => {
  if (typeof engine === 'string') return;
  const { facts } = engine;
  const modulation = { stride: 2 * columns, shiftOffset: 0, scaleOffset: columns };
  for (const scheme of layerNormModulateVariants(facts))
    it.each<[string, KernelPlan, output: string]>([
      ['rms_norm', planRmsNorm(facts, { rows: 2, columns, eps: 1e-6 }, scheme), 'y'],
      ['layer_norm_modulate', planLayerNormModulate(facts, { rows: 2, columns, eps: 1e-6, modulation }, scheme), 'y'],
      [
        'qk_norm_rope',
        planQkNormRope(facts, { rows: 2, heads: 1, headDim: columns, norm: { eps: 1e-6 } }, scheme),
        'x',
      ],
    ])(`%s [${scheme}]`, async (_, plan, output) => {
      const inputs = { x, weight: new Float32Array(columns).fill(1), modulation: new Float32Array(2 * columns) };
      const words = (await runPlan(engine, plan, inputs))[output];
      const values = [...new Float32Array(words.buffer, words.byteOffset, 2 * columns)];
      expect(values.slice(0, columns)).toEqual(Array.from({ length: columns }, () => Number.NaN));
      expect(values.slice(columns).every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
    });
});

import { describe, expect, it } from 'vitest';
import {
  defaultStudyPlan,
  describeSetting,
  parseStudyPlan,
  settingKey,
  STUDY_FORMAT,
  twinOf,
} from '../../../tools/study/study-plan.ts';

const parse = (plan: object) => parseStudyPlan({ format: STUDY_FORMAT, ...plan }, 'plan.json');
const names = (plan: object) => parse(plan).settings.map(({ name }) => name);

describe('parseStudyPlan', () => {
  it('multiplies the lists of a sweep, on top of the base', () => {
    expect(names({ base: { steps: 8, cfgScale: 2 }, sweeps: [{ steps: [4, 8], cache: ['off', 'fast'] }] })).toEqual([
      '8 steps, cfg 2',
      '4 steps, cfg 2',
      '4 steps, fast, cfg 2',
      '8 steps, fast, cfg 2',
    ]);
  });

  it('keeps settings that run the same once, and names apart', () => {
    expect(
      names({
        base: { steps: 8 },
        sweeps: [{ cache: ['off'] }, { precision: ['stored', 'int8'] }],
        settings: [{ steps: 8 }, { steps: 4, name: 'x' }, { steps: 2, name: 'x' }],
      }),
    ).toEqual(['8 steps', '8 steps, int8', 'x', 'x (2)']);
  });

  it.each([
    [{ base: { steps: 0 } }, 'plan.json: base.steps is not as a study says'],
    [{ base: { stepz: 1 } }, 'plan.json: base is not as a study says'],
    [{ sweeps: [{ precision: ['int2'] }] }, 'plan.json: sweeps.0.precision.0 is not as a study says'],
    [{ base: { modulation: 'off' } }, 'plan.json: base.modulation is not as a study says'],
    [{ task: 'x' }, 'plan.json: task is not as a study says'],
    [{ format: 'other' }, 'plan.json: format is not as a study says'],
    [
      { settings: [{ cache: { method: 'dbcache', fnComputeBlocks: 0 } }] },
      'cache: fnComputeBlocks must be a whole number',
    ],
  ])('refuses %j by naming the place', (plan, message) => {
    expect(() => parse(plan)).toThrow(message);
  });
});

describe('settings', () => {
  it('have one key whatever the order of their fields and whether defaults are written out', () => {
    const a = settingKey({ steps: 8, cache: { method: 'dbcache', fnComputeBlocks: 1, bnComputeBlocks: 2 } });
    const b = settingKey({
      cache: { bnComputeBlocks: 2, method: 'dbcache', fnComputeBlocks: 1 },
      steps: 8,
      regions: 'own',
    });
    expect(a).toBe(b);
    expect(settingKey({ steps: 8 })).toBe(settingKey({ steps: 8, cache: 'off', precision: 'stored' }));
    expect(settingKey({ steps: 8 })).not.toBe(settingKey({ steps: 9 }));
    expect(settingKey({ steps: 8 })).toBe(settingKey({ steps: 8, modulation: 'table' }));
    expect(settingKey({ steps: 8 })).not.toBe(settingKey({ steps: 8, modulation: 'perStep' }));
  });

  it('keep the keys that records of finished studies have', () => {
    expect(settingKey({ steps: 8, cfgScale: 2 })).toBe('9daa86d0abf32afd');
  });

  it('have a twin without cache at full precision', () => {
    const setting = { steps: 8, cache: { preset: 'fast' }, precision: 'int8', cfgScale: 2, sampler: 'heun' } as const;
    expect(twinOf({ steps: 8, modulation: 'perStep' })).toEqual({ steps: 8 });
    expect(twinOf(setting)).toEqual({ steps: 8, cfgScale: 2, sampler: 'heun' });
  });

  it('are described shortly', () => {
    expect(
      describeSetting({
        steps: 8,
        cache: {
          method: 'dbcache',
          fnComputeBlocks: 1,
          residualDiffThreshold: 0.2,
          calibrator: { type: 'taylorseer', order: 2 },
        },
        precision: 'f16',
        regions: 'canvas',
      }),
    ).toBe('8 steps, dbcache F1 R0.2 taylorseer 2, f16, full canvas');
    expect(describeSetting({ steps: 4, modulation: 'perStep' })).toBe('4 steps, no modulation table');
    expect(describeSetting({ steps: 4, modulation: 'table' })).toBe('4 steps');
  });
});

describe('defaultStudyPlan', () => {
  it('has at least 24 settings of every kind', () => {
    const { settings } = defaultStudyPlan(8);
    expect(settings.length).toBeGreaterThanOrEqual(24);
    expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length);
    for (const key of ['cache', 'precision', 'cfgScale', 'sampler', 'regions', 'modulation'] as const)
      expect(settings.some((setting) => setting[key] !== undefined)).toBe(true);
  });
});

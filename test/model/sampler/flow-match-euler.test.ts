import { describe, expect, test } from 'vitest';

import {
  FlowMatchEulerDiscreteScheduler,
  layeredMu,
  modelTimestepBf16,
  textToImageMu,
} from '../../../model/sampler/flow-match-euler.ts';
import { parseFlowMatchConfig } from '../../../model/sampler/scheduler-config.ts';
import { ConfigError, UsageError } from '../../../runtime/errors.ts';

const PUBLISHED = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  base_image_seq_len: 256,
  base_shift: 0.5,
  max_image_seq_len: 8192,
  max_shift: 0.9,
  shift_terminal: 0.02,
  use_dynamic_shifting: true,
  time_shift_type: 'exponential',
  a_key_of_the_future: { x: 1 },
};

/** diffusers 0.42.1: `set_timesteps(sigmas=[1.0, 0.8, 0.4, 0.1], mu=0.6)` under PUBLISHED. */
const OWN_LEVELS = [1, 0.8578256368637085, 0.4679260849952698, 0.019999980926513672, 0];

function sigmasOf(config: object, steps: number, mu?: number): number[] {
  const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(config));
  return [...scheduler.schedule(steps, { mu }).sigmas];
}

describe('schedule', () => {
  // spec/qwen-image.md 4.2 and 4.5, computed there by hand
  test.each([
    [
      'published, 8 steps, 1024 x 1024',
      PUBLISHED,
      8,
      0.6935483870967742,
      [1, 0.916024, 0.820046, 0.709295, 0.580075, 0.427347, 0.244054, 0.02, 0],
    ],
    ['published, 4 steps, 1024 x 1024', PUBLISHED, 4, 0.6935483870967742, [1, 0.766709, 0.455614, 0.02, 0]],
    ['lightning, 4 steps', { ...PUBLISHED, shift_terminal: null }, 4, Math.log(3), [1, 0.9, 0.75, 0.5, 0]],
    [
      'linear shift without a terminal',
      { ...PUBLISHED, shift_terminal: false, time_shift_type: 'linear' },
      2,
      2.5,
      [1, 0.714286, 0],
    ],
    ['no shift', {}, 4, undefined, [1, 0.75, 0.5, 0.25, 0]],
    ['static shift 5', { shift: 5 }, 2, undefined, [1, 0.833333, 0]],
  ] as const)('%s', (_, config, steps, mu, expected) => {
    const sigmas = sigmasOf(config, steps, mu);
    expect(sigmas).toHaveLength(expected.length);
    expected.forEach((sigma, i) => expect(sigmas[i]).toBeCloseTo(sigma, 6));
  });

  test('one step with a terminal keeps sigma 1 where the reference has NaN', () => {
    expect(sigmasOf(PUBLISHED, 1, 0.5)).toEqual([1, 0]);
  });

  test('falls for every step count and ends at the terminal', () => {
    for (let steps = 2; steps <= 60; steps++) {
      const sigmas = sigmasOf(PUBLISHED, steps, 0.7);
      expect(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1])).toBe(true);
      expect(sigmas[steps - 1]).toBeCloseTo(0.02, 6);
    }
  });

  test('both grids are the same float32 numbers', () => {
    const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(PUBLISHED));
    for (const steps of [1, 2, 4, 8, 25, 50]) {
      const a = scheduler.schedule(steps, { mu: 0.6, grid: 'one-to-zero' });
      const b = scheduler.schedule(steps, { mu: 0.6, grid: 'one-to-inverse-n' });
      expect([...a.sigmas].map((x) => x.toFixed(6))).toEqual([...b.sigmas].map((x) => x.toFixed(6)));
    }
  });

  test('shifts and stretches own levels as it does a grid', () => {
    const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(PUBLISHED));
    const grid = scheduler.schedule(4, { mu: 0.6 });
    expect(scheduler.schedule(4, { mu: 0.6, grid: [1, 0.75, 0.5, 0.25] })).toEqual(grid);
    const own = [...scheduler.schedule(4, { mu: 0.6, grid: [1, 0.8, 0.4, 0.1] }).sigmas];
    OWN_LEVELS.forEach((sigma, i) => expect(own[i]).toBeCloseTo(sigma, 6));
    // one level below 1 is stretched to the terminal; one of exactly 1 has nothing to stretch
    expect(scheduler.schedule(1, { mu: 0.6, grid: [0.7] }).sigmas[0]).toBeCloseTo(0.02, 6);
    expect(scheduler.schedule(1, { mu: 0.6, grid: [1] }).sigmas[0]).toBe(1);
  });

  test.each([[[1, 0.5]], [[1, 0.5, 0]], [[1.5, 0.5, 0.1]], [[1, NaN, 0.1]]])(
    'refuses own levels %j for 3 steps',
    (grid) => {
      const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(PUBLISHED));
      expect(() => scheduler.schedule(3, { mu: 0.6, grid })).toThrow('schedule: own noise levels must be 3 numbers');
    },
  );

  test('refuses a step count or a missing mu with the number', () => {
    expect(() => sigmasOf(PUBLISHED, 0, 0.5)).toThrow('schedule: the number of steps must be an integer >= 1, got 0.');
    expect(() => sigmasOf(PUBLISHED, 4)).toThrow('needs a finite mu, got undefined');
    expect(() => sigmasOf(PUBLISHED, 4, NaN)).toThrow(UsageError);
  });
});

describe('mu', () => {
  test('is linear in the target tokens and not clamped', () => {
    const config = parseFlowMatchConfig(PUBLISHED);
    expect(textToImageMu(config, 256)).toBeCloseTo(0.5, 12);
    expect(textToImageMu(config, 4096)).toBeCloseTo(0.6935483870967742, 12);
    expect(textToImageMu(config, 16384)).toBeGreaterThan(0.9);
    expect(textToImageMu(config, 1)).toBeLessThan(0.5);
  });

  test('of Layered grows with the root of the condition tokens', () => {
    expect(layeredMu(1600)).toBe(2.5);
    expect(layeredMu(4096)).toBe(4);
  });
});

test('a bf16 pipeline rounds the timestep twice', () => {
  expect(modelTimestepBf16(989.701)).toBe(0.98828125);
  expect(modelTimestepBf16(660.086)).toBe(0.66015625);
  expect(modelTimestepBf16(916.024)).toBe(0.9140625);
  expect(modelTimestepBf16(20)).toBeCloseTo(0.0200195, 6);
});

describe('step', () => {
  const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(PUBLISHED));
  const sigmas = Float32Array.of(1, 0.5, 0);

  test('walks from noise to the clean latents along a straight velocity', () => {
    const clean = Float32Array.of(0.25, -1);
    const noise = Float32Array.of(1, 2);
    const velocity = noise.map((value, i) => value - clean[i]);
    let x: Float32Array = noise;
    for (const step of [0, 1]) x = scheduler.step(x, velocity, sigmas, step);
    expect([...x]).toEqual([...clean]);
  });

  test('refuses an index outside the schedule and noise that is missing', () => {
    expect(() => scheduler.step(sigmas, sigmas, sigmas, 2)).toThrow('step: the index must be in 0..1, got 2.');
    const stochastic = new FlowMatchEulerDiscreteScheduler(
      parseFlowMatchConfig({ ...PUBLISHED, stochastic_sampling: true }),
    );
    expect(() => stochastic.step(sigmas, sigmas, sigmas, 0)).toThrow('needs noise');
  });
});

describe('parseFlowMatchConfig', () => {
  test('null, false and 0 are no terminal', () => {
    for (const value of [null, false, 0]) {
      expect(parseFlowMatchConfig({ shift_terminal: value }).shiftTerminal).toBeUndefined();
    }
  });

  test.each([
    [[], 'not-object'],
    [null, 'not-object'],
    [{ _class_name: 'DDIMScheduler' }, 'class'],
    [{ shift: '3' }, 'type'],
    [{ use_dynamic_shifting: 1 }, 'type'],
    [{ shift: 0 }, 'range'],
    [{ shift_terminal: 1 }, 'range'],
    [{ num_train_timesteps: 0.5 }, 'range'],
    [{ use_karras_sigmas: true }, 'unsupported'],
    [{ time_shift_type: 'cubic' }, 'unsupported'],
  ])('refuses %j by rule %s', (json, rule) => {
    expect(() => parseFlowMatchConfig(json, 'a.json')).toThrow(
      expect.objectContaining({ name: 'ConfigError', code: 'E_CONFIG', rule, path: 'a.json' }),
    );
    expect(() => parseFlowMatchConfig(json, 'a.json')).toThrow(ConfigError);
  });
});

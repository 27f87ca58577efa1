import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { mergeManifest, parseManifest } from '../../../model/manifest/manifest.ts';
import { guideVelocity } from '../../../model/sampler/guidance.ts';
import { eulerStep, predictClean, renoiseStep } from '../../../model/sampler/step.ts';
import { studentSigmas } from '../../../model/sampler/student-sigmas.ts';
import { timestepEmbedding } from '../../../model/sampler/timestep-embedding.ts';
import { TorchRng } from '../../../model/sampler/torch-rng.ts';
import { ConfigError, ShapeError, UsageError } from '../../../runtime/errors.ts';
import { readCase, readCaseTensors } from '../../../tools/golden/golden-cases.ts';

const CASES = 'test/golden/core/cases';

describe('studentSigmas', () => {
  const loops = readdirSync(CASES).filter((name) => name.startsWith('mrt-denoise-'));

  test.each(loops)('%s', async (name) => {
    const golden = await readCase(`${CASES}/${name}`);
    const json = (input: string): unknown => {
      const value = golden.inputs.get(input);
      return value !== undefined && 'json' in value ? value.json : undefined;
    };
    const manifest = mergeManifest(parseManifest(readFileSync(`${golden.modelDir}/mrt.json`)), json('manifest'));
    const document = json('document') as { canvas: { width: number; height: number }; sampling?: { steps?: number } };
    const tokens = Math.round(document.canvas.width / 16) * Math.round(document.canvas.height / 16);
    const sigmas = studentSigmas(manifest.sampling, document.sampling?.steps ?? manifest.sampling.steps, tokens);
    const wanted = (await readCaseTensors(golden)).get('out.sigmas');
    expect(wanted?.data).toHaveLength(sigmas.length);
    sigmas.forEach((sigma, i) => expect(sigma).toBeCloseTo(Number(wanted?.data[i]), 6));
  });

  const fallback = {
    timeShift: 'none',
    baseShift: 0.5,
    maxShift: 0.9,
    baseTokens: 256,
    maxTokens: 8192,
    terminal: 0.02,
  } as const;

  test('one step is a jump from noise', () => {
    expect([...studentSigmas({ sigmas: {}, fallback }, 1, 100)]).toEqual([1, 0]);
  });

  test('an inherited key is no list, a broken list is refused', () => {
    expect(studentSigmas({ sigmas: {}, fallback }, 2, 100)).toHaveLength(3);
    for (const list of [
      [1, 0.5],
      [1, 0.5, 0.1],
      [1, 1.5, 0],
      [0.5, 0.6, 0],
    ]) {
      expect(() => studentSigmas({ sigmas: { '2': list }, fallback }, 2, 100)).toThrow(ConfigError);
    }
    expect(() => studentSigmas({ sigmas: {}, fallback }, 0, 1)).toThrow(UsageError);
  });
});

describe('steps', () => {
  const x = new TorchRng(3).randn(64);
  const velocity = new TorchRng(4).randn(64);
  const noise = new TorchRng(5).randn(64);

  test('both forms end at the clean estimate', () => {
    const clean = [...predictClean(x, velocity, 0.25)];
    expect([...renoiseStep(x, velocity, 0.25, 0, undefined)]).toEqual(clean);
    expect([...eulerStep(x, velocity, 0.25, 0)]).toEqual(clean);
  });

  test('re-noising with the noise that the velocity implies is the Euler step', () => {
    const implied = x.map((value, i) => value + 0.5 * velocity[i]);
    const renoised = renoiseStep(x, velocity, 0.5, 0.25, implied);
    const euler = eulerStep(x, velocity, 0.5, 0.25);
    renoised.forEach((value, i) => expect(value).toBeCloseTo(euler[i], 5));
    expect([...renoiseStep(x, velocity, 0.5, 0.25, noise)]).not.toEqual([...renoised]);
  });

  test('leave their input untouched and name lengths that differ', () => {
    const before = [...x];
    eulerStep(x, velocity, 1, 0.5);
    renoiseStep(x, velocity, 1, 0.5, noise);
    expect([...x]).toEqual(before);
    expect(() => eulerStep(x, velocity.subarray(1), 1, 0)).toThrow(
      'euler_step: velocity must have as many elements as x (64), got 63.',
    );
    expect(() => renoiseStep(x, velocity, 1, 0.5, undefined)).toThrow(ShapeError);
  });
});

describe('guideVelocity', () => {
  const positive = new TorchRng(1).randn(64);
  const negative = new TorchRng(2).randn(64);

  test('scale 1 is the conditional velocity', () => {
    const guided = guideVelocity(positive, negative, { scale: 1, channels: 16, rescale: 'none' });
    guided.forEach((value, i) => expect(value).toBeCloseTo(positive[i], 6));
  });

  test('rescaling gives each token the length of its conditional velocity', () => {
    const guided = guideVelocity(positive, negative, { scale: 4, channels: 16, rescale: 'perToken' });
    const plain = guideVelocity(positive, negative, { scale: 4, channels: 16, rescale: 'none' });
    for (let token = 0; token < 4; token++) {
      const slice = (values: Float32Array): Float32Array => values.subarray(token * 16, token * 16 + 16);
      expect(Math.hypot(...slice(guided))).toBeCloseTo(Math.hypot(...slice(positive)), 5);
      const ratio = slice(guided)[0] / slice(plain)[0];
      slice(guided).forEach((value, i) => expect(value).toBeCloseTo(slice(plain)[i] * ratio, 5));
    }
  });

  test('a token without velocity stays without', () => {
    const zero = new Float32Array(16);
    expect([...guideVelocity(zero, zero, { scale: 4, channels: 16, rescale: 'perToken' })]).toEqual([...zero]);
  });

  test('refuses lengths that do not fit', () => {
    const options = { scale: 4, channels: 16, rescale: 'none' } as const;
    expect(() => guideVelocity(positive, negative.subarray(16), options)).toThrow('got 64 and 48');
    expect(() => guideVelocity(positive, negative, { ...options, channels: 5 })).toThrow(ShapeError);
  });
});

describe('timestepEmbedding', () => {
  test('has cosines first and the values of spec/qwen-image.md 1.4', () => {
    const embedding = timestepEmbedding([1, 0.5, 0]);
    const at = (row: number, i: number): number => embedding[row * 256 + i];
    [0.562379, 0.789627].forEach((value, i) => expect(at(0, i)).toBeCloseTo(value, 4));
    expect(at(0, 64)).toBeCloseTo(-0.839072, 5);
    expect(at(0, 127)).toBeCloseTo(0.994232, 5);
    [0.82688, 0.613588].forEach((value, i) => expect(at(0, 128 + i)).toBeCloseTo(value, 4));
    expect(at(1, 0)).toBeCloseTo(-0.883849, 5);
    expect(at(1, 255)).toBeCloseTo(0.053705, 5);
    expect([...embedding.subarray(512)]).toEqual([...new Array(128).fill(1), ...new Array(128).fill(0)]);
  });

  test('refuses an odd number of channels', () => {
    expect(() => timestepEmbedding([0], 255)).toThrow('channels must be an even number >= 2, got 255');
  });
});

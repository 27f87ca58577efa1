import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';

import { compareOutput } from '../../../tools/golden/compare.ts';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import type { GoldenCase } from '../../../tools/golden/golden-cases.ts';
import { QWEN_CPU_KINDS } from '../../../tools/golden/kinds-qwen-cpu.ts';
import { runCase } from '../../../tools/golden/run.ts';

const ROOT = 'test/golden/core';
const folders = await findCaseFolders(ROOT);
const all = await Promise.all(folders.map(readCase));
const cases = all.filter(({ kind }) => QWEN_CPU_KINDS.has(kind));

/** What these handlers leave to the ones with a model. */
const NEEDS_MODEL = new Set(['temb', 'features']);

function withoutModel(golden: GoldenCase): GoldenCase {
  return { ...golden, expect: golden.expect.filter(({ output }) => !NEEDS_MODEL.has(output)) };
}

test('every kind has cases', () => {
  expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(QWEN_CPU_KINDS.keys()));
  expect(cases.filter(({ kind }) => kind === 'tokenizer')).toHaveLength(17);
});

describe('golden cases without a device', () => {
  test.each(cases.map((golden) => [basename(golden.folder), golden] as const))('%s', async (_, golden) => {
    const result = await runCase(withoutModel(golden), { handlers: QWEN_CPU_KINDS, precision: 'f32' });
    expect(result.error).toBeUndefined();
    expect(result.results.filter(({ ok }) => !ok)).toEqual([]);
  });
});

test('a schedule that is off by one part in a million would fail', () => {
  const expected = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 0.5) };
  const actual = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 0.500001) };
  expect(compareOutput('sigmas', actual, expected, { maxAbs: 5e-7 }, 'f32')[0].ok).toBe(false);
});

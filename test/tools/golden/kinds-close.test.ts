import { afterEach, expect, test, vi } from 'vitest';

import type { Engine } from '../../../runtime/engine.ts';
import type { GoldenContext, GoldenTensor } from '../../../tools/golden/contract.ts';
import { openCacheKinds } from '../../../tools/golden/kinds-gpu-cache.ts';
import { openDenoiseKinds } from '../../../tools/golden/kinds-gpu-denoise.ts';
import { openTransformerKinds } from '../../../tools/golden/kinds-gpu-transformer.ts';
import { openVaeKinds } from '../../../tools/golden/kinds-gpu-vae.ts';
import { openGoldenKinds } from '../../../tools/golden/kinds.ts';

// A case whose device or model cannot be opened fails; closing afterwards must not, or the count of a whole run is lost.

const KINDS = ['transformer', 'text_encoder', 'student', 'vae_decode', 'cache_run'];
const one: GoldenTensor = { dtype: 'F32', shape: [1, 1, 1, 1], data: new Float32Array(1) };
const context: GoldenContext = {
  input: () => one,
  modelDir: '/nowhere/at/all',
  precision: 'f32',
  expected: new Set<string>(),
};

afterEach(() => {
  vi.unstubAllEnvs();
});

test('without a device every case fails and the kinds still close', async () => {
  vi.stubEnv('LAYERLOOM_DRIVER', 'no-such-driver');
  const kinds = openGoldenKinds();
  for (const kind of KINDS) await expect(kinds.handlers.get(kind)?.(context)).rejects.toThrow('LAYERLOOM_DRIVER');
  await expect(kinds.close()).resolves.toBeUndefined();
});

test.each([
  ['transformer', openTransformerKinds],
  ['student', openDenoiseKinds],
  ['vae_decode', openVaeKinds],
  ['cache_run', openCacheKinds],
] as const)('%s: without its model a case fails and the kinds still close', async (kind, open) => {
  // no device is touched: the folder is missing
  const kinds = open(async () => ({ dispose: () => {} }) as unknown as Engine);
  await expect(kinds.handlers.get(kind)?.(context)).rejects.toThrow('/nowhere/at/all');
  await expect(kinds.close()).resolves.toBeUndefined();
});

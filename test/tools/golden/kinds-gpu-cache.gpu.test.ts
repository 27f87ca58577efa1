import { basename } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import { openCacheKinds } from '../../../tools/golden/kinds-gpu-cache.ts';
import { runCase } from '../../../tools/golden/run.ts';
import { testEngine } from '../../support/engine.ts';

const engine = await testEngine();
const cases = await Promise.all((await findCaseFolders('test/golden/cache')).map(readCase));

describe.skipIf(typeof engine === 'string')('golden cases of step caching', () => {
  if (typeof engine === 'string') return;
  const kinds = openCacheKinds(async () => engine);
  afterAll(() => kinds.close());

  it('there are runs and masks', () => {
    expect(new Set(cases.map(({ kind }) => kind))).toEqual(new Set(['cache_run', 'cache_mask']));
  });

  it.each(cases.map((golden) => [basename(golden.folder), golden] as const))('%s', async (_, golden) => {
    const result = await runCase(golden, { handlers: kinds.handlers, precision: 'f32' });
    expect(result.error).toBeUndefined();
    expect(result.results.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('a threshold moved past the margin fails', async () => {
    const golden = cases.find(({ id }) => id === 'db-f1b0')!;
    const json = golden.inputs.get('cache') as { json: { residual_diff_threshold: number } };
    const inputs = new Map(golden.inputs);
    inputs.set('cache', { json: { ...json.json, residual_diff_threshold: json.json.residual_diff_threshold * 0.7 } });
    const result = await runCase({ ...golden, inputs }, { handlers: kinds.handlers, precision: 'f32' });
    expect(result.results.some(({ output, ok }) => output === 'decisions' && !ok)).toBe(true);
  });
});

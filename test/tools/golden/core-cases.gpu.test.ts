import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import { caseLine } from '../../../tools/golden/golden-command.ts';
import { openGoldenKinds } from '../../../tools/golden/kinds.ts';
import { runCase } from '../../../tools/golden/run.ts';
import { testEngine } from '../../support/engine.ts';

// Every case of test/golden/core in f32 arithmetic, as `npm run golden -- test/golden/core` runs them.
const engine = await testEngine();
const folders = await findCaseFolders(fileURLToPath(new URL('../../golden/core', import.meta.url)));

describe.skipIf(typeof engine === 'string')('golden cases of the reference implementations', () => {
  const kinds = openGoldenKinds();
  afterAll(() => kinds.close());

  it('are all there', () => {
    expect(folders.length).toBeGreaterThanOrEqual(196);
  });

  it.each(folders.map((folder) => [basename(folder), folder]))('%s', async (_, folder) => {
    const result = await runCase(await readCase(folder), { handlers: kinds.handlers, precision: 'f32' });
    expect(result.error ?? (result.ok ? 'ok' : caseLine(result))).toBe('ok');
  });
});

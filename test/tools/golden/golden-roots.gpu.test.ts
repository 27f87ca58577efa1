import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import { caseLine } from '../../../tools/golden/golden-command.ts';
import { openGoldenKinds } from '../../../tools/golden/kinds.ts';
import { runCase } from '../../../tools/golden/run.ts';
import { testEngine } from '../../support/engine.ts';

// Every case of the golden roots in f32 arithmetic, as `npm run golden -- test/golden/core test/golden/more test/golden/trained` runs them.
const ROOTS: readonly (readonly [name: string, atLeast: number])[] = [
  ['core', 196],
  ['more', 70],
  ['trained', 4],
];
const engine = await testEngine();
const folders = new Map<string, readonly string[]>();
for (const [name] of ROOTS)
  folders.set(name, await findCaseFolders(fileURLToPath(new URL(`../../golden/${name}`, import.meta.url))));

if (typeof engine === 'string') describe('golden cases', () => it.skip(`need an adapter: ${engine}`, () => {}));
else
  describe.each(ROOTS)('golden cases of the reference implementations: %s', (name, atLeast) => {
    const kinds = openGoldenKinds();
    const cases = folders.get(name) ?? [];
    afterAll(() => kinds.close());

    it('are all there', () => {
      expect(cases.length).toBeGreaterThanOrEqual(atLeast);
    });

    it.each(cases.map((folder) => [basename(folder), folder] as const))('%s', async (_, folder) => {
      const result = await runCase(await readCase(folder), { handlers: kinds.handlers, precision: 'f32' });
      expect(result.error ?? (result.ok ? 'ok' : caseLine(result))).toBe('ok');
    });
  });

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCaseFolders, readCase } from '../../../tools/golden/golden-cases.ts';
import { MRT_CPU_KINDS } from '../../../tools/golden/kinds-mrt-cpu.ts';
import { runCase } from '../../../tools/golden/run.ts';

const root = join(import.meta.dirname, '../../golden/core');
const cases = await Promise.all((await findCaseFolders(root)).map(readCase));

describe('golden cases of geometry, noise and compositing', () => {
  for (const kind of MRT_CPU_KINDS.keys()) {
    const ofKind = cases.filter((golden) => golden.kind === kind);

    it(`${kind} has cases`, () => {
      expect(ofKind.length).toBeGreaterThan(0);
    });

    it.each(ofKind)(`${kind} $id`, async (golden) => {
      const result = await runCase(golden, { handlers: MRT_CPU_KINDS, precision: 'f32' });
      expect(result.error).toBeUndefined();
      expect(result.results.filter((bound) => !bound.ok)).toEqual([]);
      expect(result.results.length).toBeGreaterThanOrEqual(golden.expect.length);
    });
  }
});

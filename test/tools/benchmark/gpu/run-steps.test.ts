import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runSteps } from '../../../../tools/benchmark/gpu/run-steps.ts';

const out = mkdtempSync(join(tmpdir(), 'layerloom-steps-'));
const script = fileURLToPath(new URL('./fake-step.mjs', import.meta.url));

function run(names: readonly string[], budget: number, seconds: readonly [number, number] = [1, 60]): Promise<number> {
  const steps = names.map((name) => ({ name, what: name, seconds }));
  return runSteps({ steps, out, budget, flags: [], isCut: false, script });
}

const resultOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8')) as Record<string, unknown>;

describe('steps of gpu-run', () => {
  beforeEach(() => void [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')].map((spy) => spy.mockReturnValue()));
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it('go on after one that is wrong, throws or crashes, and keep what it had', async () => {
    expect(await run(['wrong', 'throws', 'crashes', 'right'], Infinity)).toBe(3);
    expect(resultOf('right')).toMatchObject({ complete: true, fault: null });
    expect(resultOf('throws')).toMatchObject({
      complete: false,
      fault: 'ended by itself: exit code 1',
      data: ['half'],
      log: expect.stringContaining('a fault of ours'),
    });
    expect(resultOf('crashes')).toMatchObject({ complete: false, fault: 'ended by itself: SIGSEGV', data: ['half'] });
    const table = readFileSync(join(out, 'table.txt'), 'utf8');
    expect(table).toMatch(/^-- right\na figure$/m);
    expect(table).toMatch(/^wrong +\S+ +FAILED: 1 of 2 kernels are wrong$/m);
    expect(table).toMatch(/^right +\S+ +done$/m);
  });

  it('end one whose time is up', async () => {
    expect(await run(['hangs', 'right'], Infinity, [1, 1])).toBe(1);
    expect(resultOf('hangs')).toMatchObject({ fault: expect.stringContaining('its time was up'), data: ['half'] });
    expect(resultOf('right')).toMatchObject({ complete: true });
  });

  it('show why one had nothing to do', async () => {
    expect(await run(['skips'], Infinity)).toBe(0);
    expect(readFileSync(join(out, 'table.txt'), 'utf8')).toMatch(/^skips +\S+ +skipped: not carried: a peer$/m);
  });

  it('skip by name what the budget does not suffice for', async () => {
    expect(await run(['right', 'wrong'], 10, [20, 60])).toBe(0);
    expect(resultOf('wrong')).toEqual({
      step: 'wrong',
      skipped: expect.stringMatching(/^\d+\S* s left, it takes 20$/),
    });
  });
});

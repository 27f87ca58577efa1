import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeDesign } from '../../../model/layout/design.ts';
import { main } from '../../../tools/program.ts';
import { testEngine } from '../../support/engine.ts';
import { TINY_MRT, twoLayers } from '../../support/tiny-mrt.ts';

const engine = await testEngine();

async function runCli(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const keep = (lines: string[]) => (text: unknown) => lines.push(String(text)) > 0;
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(keep(out)),
    vi.spyOn(console, 'error').mockImplementation(keep(err)),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep(err)),
  ];
  try {
    return { code: await main(args), out: out.join('\n'), err: err.join('') };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = 0;
  }
}

describe.skipIf(typeof engine === 'string')('layerloom study', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'layerloom-study-cli-'));
    await writeFile(at('layout.json'), writeDesign(twoLayers({ sampling: { seed: 1 } })));
    const plan = {
      format: 'layerloom-study/1',
      base: { steps: 4 },
      sweeps: [{ cache: ['off', 'ultra'], steps: [2, 4] }],
    };
    await writeFile(at('plan.json'), JSON.stringify(plan));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('runs a plan, reports, goes on with what is there, and compares', async () => {
    const args = ['study', TINY_MRT, '--design', at('layout.json'), '--plan', at('plan.json'), '-o', at('out')];
    const first = await runCli(...args);
    expect(first.code).toBe(0);
    expect(first.err).toMatch(/1\/4 4 steps, /);
    expect(first.out).toContain('left out: 2 steps, ultra: cache: preset "ultra" needs 4, 6 or at least 8 steps');
    expect(await readFile(at('out/index.html'), 'utf8')).toContain('Closeness to the base against speed');
    const again = await runCli(...args, '--json', '-q');
    expect(again.err).toBe('');
    const report = JSON.parse(again.out) as { summaries: { name: string }[]; identity: { model: string } };
    expect(report.summaries.map(({ name }) => name)).toEqual(['4 steps', '2 steps', '4 steps, ultra']);
    expect(report.identity.model).toBe(TINY_MRT);
    const compared = await runCli('study', 'compare', at('out'), at('out/study.json'), '-o', at('both.html'));
    expect(compared.code).toBe(0);
    expect(compared.out).toMatch(/^4 steps, ultra +\d+ > \d+ \(\+0\)/m);
    expect(await readFile(at('both.html'), 'utf8')).toContain('Two studies');
  });

  it('says what is wrong with what it is asked', async () => {
    const none = await runCli('study', TINY_MRT, '-o', at('none'));
    expect(none.code).toBe(2);
    expect(none.err).toContain('study: name either a test set with --set or documents with --design.');
    await writeFile(at('bad.json'), '{');
    const bad = await runCli(
      'study',
      TINY_MRT,
      '--design',
      at('layout.json'),
      '--plan',
      at('bad.json'),
      '-o',
      at('bad'),
    );
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('must be a JSON file');
    const missing = await runCli('study', 'compare', at('x'), at('y'));
    expect(missing.code).toBe(2);
  });
});

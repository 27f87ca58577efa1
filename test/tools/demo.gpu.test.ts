import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../tools/program.ts';
import { testEngine } from '../support/engine.ts';
import { TINY_MRT } from '../support/tiny-mrt.ts';

const engine = await testEngine();
const folder = mkdtempSync(join(tmpdir(), 'layerloom-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(typeof engine === 'string')('demo', () => {
  it('runs all four tasks and writes a report whose pictures are all there', async () => {
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const code = await main(['demo', '-m', TINY_MRT, '-o', folder, '--steps', '1', '--json']);
    log.mockRestore();
    expect(code).toBe(0);
    const { tasks } = JSON.parse(lines.join('\n'));
    expect(tasks.map(({ task }: { task: string }) => task)).toEqual(['decompose', 'generate', 'add', 'restyle']);
    const html = readFileSync(join(folder, 'report.html'), 'utf8');
    const sources = [...html.matchAll(/src="([^"]+)"/g)].map(([, source]) => source);
    expect(sources.length).toBeGreaterThan(20);
    for (const source of sources) expect(existsSync(join(folder, source)), source).toBe(true);
    expect(html).toContain('restyle/truth/layer-2.wanted.png');
  });
});

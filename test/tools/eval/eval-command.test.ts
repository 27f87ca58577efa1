import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { UsageError } from '../../../runtime/errors.ts';
import { documentText, evalCommand } from '../../../tools/eval/eval-command.ts';
import type { EvalArguments, EvalDocument } from '../../../tools/eval/eval-command.ts';
import { main } from '../../../tools/program.ts';
import { SMALL_DESIGNS, writeSmallSet } from './small-set.ts';

async function run(args: EvalArguments): Promise<{ document: EvalDocument; out: string[]; progress: string[] }> {
  const [out, progress]: [string[], string[]] = [[], []];
  const document = await evalCommand(args, { out: (line) => out.push(line), progress: (line) => progress.push(line) });
  return { document, out, progress };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'layerloom-eval-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('baselines alone', () => {
  test('give a table a task, in the order of tasks', async () => {
    const { document, out, progress } = await run({ set: writeSmallSet() });
    expect(document.model).toBeNull();
    expect(document.set).toMatchObject({ seed: 5, designs: 3 });
    expect(document.tasks.map(({ task, designs }) => [task, designs])).toEqual([
      ['t2l', 3],
      ['i2l', 3],
      ['add', 3],
      ['restyle', 2],
    ]);
    expect(document.tasks.map(({ candidates }) => candidates.map(({ name }) => name))).toEqual([
      ['other design'],
      ['paste', 'chroma key', 'refined key', 'flat fill'],
      ['paste', 'flat fill', 'other design'],
      ['paste', 'flat fill'],
    ]);
    expect(out.some((line) => line.startsWith('image to layers (i2l), 3 designs'))).toBe(true);
    expect(progress).toContain('i2l: paste 3/3');
  });

  test('a refined chroma key gives the input again more exactly than the key', async () => {
    const { document } = await run({ set: writeSmallSet(), tasks: ['i2l'] });
    const merged = (name: string): number =>
      document.tasks[0].candidates.find((candidate) => candidate.name === name)?.overall.mergedPsnr?.value ??
      Number.NaN;
    expect(merged('refined key')).toBeGreaterThan(merged('chroma key'));
  });

  test('are the same twice', async () => {
    const set = writeSmallSet();
    const strip = (document: EvalDocument): string =>
      JSON.stringify(document.tasks, (key, value: unknown) => (key === 'durationMs' ? 0 : value));
    expect(strip((await run({ set })).document)).toBe(strip((await run({ set })).document));
  });

  test('as one JSON document, and as files', async () => {
    const output = join(temporaryFolder(), 'deep', 'er');
    const { document, out } = await run({ set: writeSmallSet(), tasks: ['i2l'], json: true, output });
    expect(out.length).toBe(1);
    const printed = JSON.parse(out[0] ?? '') as EvalDocument;
    expect(printed).toEqual(JSON.parse(documentText(document)));
    const iou = document.tasks[0]?.candidates[0]?.overall.alphaIou?.value ?? Number.NaN;
    expect(printed.tasks[0]?.candidates[0]?.overall.alphaIou?.value).toBeCloseTo(iou, 5);
    expect(out[0]).toMatch(/"alphaIou": \{"value": [\d.]+, "low"/u);
    expect(printed.format).toBe('layerloom-eval/1');
    expect(printed.metrics.alphaIou.about).toContain('soft IoU');
    expect(readdirSync(output).sort()).toEqual(['eval.json', 'i2l-elements.svg', 'i2l.svg']);
    expect(JSON.parse(readFileSync(join(output, 'eval.json'), 'utf8'))).toEqual(printed);
  });

  test('a large seed is written whole', async () => {
    const set = writeSmallSet(SMALL_DESIGNS.slice(0, 1), (file, value) => {
      if (file === 'set.json') value.seed = 987_654_321;
    });
    const { document } = await run({ set, tasks: ['i2l'] });
    expect((JSON.parse(documentText(document)) as EvalDocument).set.seed).toBe(987_654_321);
  });

  test('a task that the set has not is a usage error', async () => {
    const set = writeSmallSet([SMALL_DESIGNS[1] ?? { layers: [] }]);
    await expect(run({ set, tasks: ['restyle'] })).rejects.toThrow(UsageError);
    await expect(run({ set, tasks: ['restyle'] })).rejects.toThrow('has no design for the task restyle');
  });

  test('an abort ends it and leaves no file', async () => {
    const output = join(temporaryFolder(), 'none');
    await expect(run({ set: writeSmallSet(), output, signal: AbortSignal.abort() })).rejects.toThrow(/abort/iu);
    expect(existsSync(output)).toBe(false);
  });
});

describe('the command line', () => {
  async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const keep =
      (lines: string[]) =>
      (line: unknown): void =>
        void lines.push(String(line));
    const spies = [
      vi.spyOn(console, 'log').mockImplementation(keep(out)),
      vi.spyOn(console, 'error').mockImplementation(keep(err)),
      vi.spyOn(process.stderr, 'write').mockImplementation((line) => (keep(err)(line), true)),
    ];
    try {
      return { code: await main(['eval', ...args]), out: out.join('\n'), err: err.join('\n') };
    } finally {
      for (const spy of spies) spy.mockRestore();
      process.exitCode = 0;
    }
  }

  test('runs baselines', async () => {
    const { code, out } = await cli(
      '--baselines-only',
      '--set',
      writeSmallSet(),
      '--task',
      'i2l',
      '--limit',
      '2',
      '--json',
    );
    expect(code).toBe(0);
    expect((JSON.parse(out) as EvalDocument).tasks.map(({ task, designs }) => [task, designs])).toEqual([['i2l', 2]]);
  });

  test.each([
    [['--set', 'x'], 'name either a checkpoint folder or --baselines-only'],
    [['model', '--baselines-only', '--set', 'x'], 'name either'],
    [['--baselines-only'], '--set'],
    [['--baselines-only', '--set', 'x', '--task', 'paint'], 'Allowed choices are t2l, i2l, add, restyle'],
    [['m', '--set', 'x', '--steps', '8,8'], 'must not name a count twice'],
    [['m', '--set', 'x', '--steps', '0'], 'whole number'],
    [['m', '--set', 'x', '--limit', '0'], 'whole number'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await cli(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('a folder that is no set is named in one line', async () => {
    const { code, err } = await cli('--baselines-only', '--set', 'no-such-set');
    expect(code).toBe(1);
    expect(err).toBe(
      'layerloom: no-such-set/set.json: must be there and readable. Make the set anew: python -m tools.train.make_set.',
    );
  });
});

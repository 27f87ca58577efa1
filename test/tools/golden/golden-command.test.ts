import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { UsageError } from '../../../runtime/errors.ts';
import type { GoldenHandler } from '../../../tools/golden/contract.ts';
import { goldenCommand } from '../../../tools/golden/golden-command.ts';
import type { GoldenArguments } from '../../../tools/golden/golden-command.ts';
import { mergeHandlers } from '../../../tools/golden/kinds.ts';

let root = '';
let closed = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'golden-'));
  closed = 0;
});
afterEach(async () => rm(root, { recursive: true }));

async function addCase(id: string, kind: string, value: unknown, check: object = { exact: true }): Promise<void> {
  const expect_ = [{ output: 'echo', value, check }];
  await addFile(id, JSON.stringify({ format: 'layerloom-golden/1', id, kind, inputs: { n: 3 }, expect: expect_ }));
}

async function addFile(id: string, text: string): Promise<void> {
  await mkdir(join(root, 'cases', id), { recursive: true });
  await writeFile(join(root, 'cases', id, 'case.json'), text);
}

const handlers: ReadonlyMap<string, GoldenHandler> = new Map<string, GoldenHandler>([
  ['echo', async (context) => new Map([['echo', context.input('n')]])],
  [
    'broken',
    async () => {
      throw new Error('first line\nsecond line');
    },
  ],
]);

async function run(args: Partial<GoldenArguments> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const output = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const close = async (): Promise<void> => {
    closed++;
  };
  const isGood = await goldenCommand({ roots: [root], ...args }, output, () => ({ handlers, close }));
  return { isGood, out, err };
}

describe('goldenCommand', () => {
  test('prints a line a case and the count', async () => {
    await addCase('b-bad', 'echo', 4);
    await addCase('a-good', 'echo', 3);
    await addCase('c-throws', 'broken', 3);
    await addCase('d-unknown', 'nothing', 3);
    await addFile('e-no-json', '{');
    const { isGood, out, err } = await run();
    expect(isGood).toBe(false);
    expect(out).toEqual([
      'ok a-good echo echo 0 0',
      'FAIL b-bad echo echo 1 0',
      'FAIL c-throws broken - error -',
      'FAIL d-unknown nothing - kind -',
      'FAIL e-no-json ? - case -',
      '1 passed, 4 failed',
    ]);
    expect(err.join('\n')).toContain('first line');
    expect(err.join('\n')).not.toContain('second line');
    expect(err.join('\n')).toContain('there is no handler for the kind "nothing"');
    expect(closed).toBe(1);
  });

  test('gives the same as JSON', async () => {
    await addCase('a', 'echo', 3);
    await addCase('b', 'echo', 4);
    const { out } = await run({ json: true });
    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0])).toMatchObject({
      passed: 1,
      failed: 1,
      cases: [
        { status: 'ok', id: 'a', kind: 'echo', worst: { output: 'echo', value: 0, bound: 0 } },
        { status: 'FAIL', id: 'b', worst: { ok: false } },
      ],
    });
  });

  test('picks cases by text and kind, and says so where none is left', async () => {
    await addCase('a-one', 'echo', 3);
    await addCase('a-two', 'broken', 3);
    expect((await run({ filter: 'one' })).out.at(-1)).toBe('1 passed, 0 failed');
    expect((await run({ kind: 'broken' })).out.at(-1)).toBe('0 passed, 1 failed');
    await expect(run({ filter: 'zzz' })).rejects.toThrow('golden: nothing matches. Look at --filter and --kind.');
  });

  test('refuses a root without cases, and no root', async () => {
    await expect(run({ roots: [join(root, 'nowhere')] })).rejects.toThrow('golden: a root must hold a folder "cases"');
    await expect(run({ roots: [] })).rejects.toThrow(UsageError);
  });

  test('stops between cases when aborted, and closes what it opened', async () => {
    await addCase('a', 'echo', 3);
    await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(closed).toBe(1);
  });
});

test('a kind in two maps gives the outputs of both', async () => {
  const one = new Map<string, GoldenHandler>([
    [
      'k',
      async () =>
        new Map([
          ['a', 1],
          ['b', 1],
        ]),
    ],
  ]);
  const two = new Map<string, GoldenHandler>([['k', async () => new Map([['b', 2]])]]);
  const context = {
    input: () => undefined,
    modelDir: undefined,
    precision: 'f32',
    expected: new Set<string>(),
  } as const;
  const outputs = await mergeHandlers([one, two]).get('k')?.(context);
  expect(outputs).toEqual(
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
  );
});

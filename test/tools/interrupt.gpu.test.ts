import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/built.ts';
import { testEngine } from '../support/engine.ts';

const engine = await testEngine();

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: string;
}

/** Runs the task and sends SIGINT (or another) each time it says the next of `words`. */
function interrupt(
  args: readonly string[],
  words: readonly string[],
  name: NodeJS.Signals = 'SIGINT',
): Promise<Ending> {
  const script = join(ROOT, 'test/tools/interrupted-task.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const waiting = [...words];
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    while (waiting.length > 0 && said.includes(`${waiting[0]}\n`)) {
      waiting.shift();
      child.kill(name);
    }
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, said })));
}

describe('Ctrl-C', () => {
  it('once: the task ends by its signal and the exit code is 130', async () => {
    expect(await interrupt(['willing'], ['ready'])).toEqual({
      code: 130,
      signal: null,
      said: 'ready\naborted\nending\n',
    });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'twice (%s), the second while it is ending: code 130, no signal',
    async (name) => {
      const ending = await interrupt(['willing', 'slowly'], ['ready', 'ending'], name);
      expect(ending).toEqual({ code: 130, signal: null, said: 'ready\naborted\nending\n' });
    },
  );

  it.skipIf(typeof engine === 'string')('twice on a busy device: ends at once', async () => {
    const ending = await interrupt(['stubborn'], ['ready', 'aborted']);
    expect(ending).toEqual({ code: 130, signal: null, said: 'ready\naborted\n' });
  });
});

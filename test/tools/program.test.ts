import { describe, expect, test, vi } from 'vitest';

import { DeviceError, UsageError } from '../../runtime/errors.ts';
import { createProgram, main } from '../../tools/program.ts';
import { exitCodeOf } from '../../tools/exit-codes.ts';

async function runCli(...args: string[]) {
  const written: string[] = [];
  const keep = (text: unknown): boolean => {
    written.push(String(text));
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep),
    vi.spyOn(console, 'log').mockImplementation(keep),
    vi.spyOn(console, 'error').mockImplementation(keep),
  ];
  try {
    return { code: await main(args), text: written.join('\n') };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = 0;
  }
}

describe('exit codes', () => {
  test.each([
    [new UsageError('x'), 2],
    [new DeviceError('no-adapter', 'x'), 3],
    [new DeviceError('lost', 'x'), 3],
    [new DeviceError('out-of-memory', 'x'), 4],
    [new DOMException('x', 'AbortError'), 130],
    [new TypeError('x'), 1],
  ])('%s ends with %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test('help is no fault', async () => {
    const { code, text } = await runCli('--help');
    expect(code).toBe(0);
    expect(text).toContain('golden');
  });

  test('an unknown flag names the nearest, an unknown command too', async () => {
    const flag = await runCli('golden', 'x', '--fliter', 'a');
    expect(flag.code).toBe(2);
    expect(flag.text).toContain("unknown option '--fliter'");
    expect(flag.text).toContain('--filter');
    const command = await runCli('goldn');
    expect(command.code).toBe(2);
    expect(command.text).toContain('golden');
    expect((await runCli('golden', 'x', '--precision', 'f8')).code).toBe(2);
  });

  test('a usage error is one line', async () => {
    const { code, text } = await runCli('golden', 'no-such-folder');
    expect(code).toBe(2);
    expect(text).toBe('layerloom: golden: a root must hold a folder "cases", got no-such-folder.');
  });

  test('passing cases end with 0', async () => {
    const { code, text } = await runCli('golden', 'test/golden/core', '--kind', 'scheduler_mu');
    expect(code).toBe(0);
    expect(text).toContain('3 passed, 0 failed');
  });
});

test('every command has a description and help for its options', () => {
  for (const command of createProgram().commands) {
    expect(command.description()).not.toBe('');
    for (const option of command.options) expect(option.description).not.toBe('');
  }
});

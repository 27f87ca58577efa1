import { afterEach, describe, expect, it, vi } from 'vitest';
import CountReporter, { countResults } from '../../tools/count-reporter.mjs';

interface FakeTest {
  name: string;
  state: string;
  note?: string;
  group?: { name: string; mode?: string };
}

/** What vitest hands to a reporter, as far as it is read. */
function fakeModule(id: string, tests: FakeTest[], broken = 0, suites: string[] = []): object {
  const module = { relativeModuleId: id, errors: () => Array.from({ length: broken }), type: 'module' };
  const all = tests.map(({ name, state, note, group }) => ({
    name,
    module,
    parent: group ? { type: 'suite', name: group.name, options: { mode: group.mode }, parent: module } : module,
    result: () => ({ state, note }),
  }));
  return { ...module, children: { allTests: () => all, allSuites: () => suites.map((name) => ({ name })) } };
}

afterEach(() => vi.unstubAllEnvs());

describe('the count reporter', () => {
  it('counts, and says why tests were skipped', () => {
    vi.stubEnv('LAYERLOOM_NO_DEVICE', '');
    const group = { name: 'on a GPU: none here', mode: 'skip' };
    const { passed, failed, skipped, reasons } = countResults([
      fakeModule('a.test.ts', [
        { name: 'one', state: 'passed' },
        { name: 'two', state: 'failed' },
        { name: 'three', state: 'skipped', note: 'no network' },
        { name: 'four', state: 'skipped', group },
        { name: 'five', state: 'skipped', group },
        { name: 'six: not here', state: 'pending' },
      ]),
      fakeModule('b.test.ts', [], 0, ['needs Chromium']),
    ]);
    expect([passed, failed, skipped]).toEqual([1, 1, 4]);
    expect([...reasons]).toEqual([
      ['a.test.ts: no network', 1],
      ['a.test.ts: on a GPU: none here', 2],
      ['a.test.ts: six: not here', 1],
      ['b.test.ts: needs Chromium', 0],
    ]);
  });

  it('counts a file that fails to load, and errors outside of tests, as failures', () => {
    expect(countResults([fakeModule('a.test.ts', [], 1)], [new Error('late')])).toMatchObject({ passed: 0, failed: 2 });
  });

  it('gives the missing device as the reason in files that need one', () => {
    vi.stubEnv('LAYERLOOM_NO_DEVICE', 'engine: no WebGPU adapter.');
    const { reasons } = countResults([fakeModule('a.gpu.test.ts', [{ name: 'one', state: 'skipped' }])]);
    expect([...reasons.keys()]).toEqual(['a.gpu.test.ts: needs a device: engine: no WebGPU adapter.']);
  });

  it('ends with the plain line', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    new CountReporter().onTestRunEnd([fakeModule('a.test.ts', [{ name: 'one', state: 'passed' }])], []);
    expect(log.mock.calls.at(-1)).toEqual(['\n1 passed, 0 failed']);
    log.mockRestore();
  });
});

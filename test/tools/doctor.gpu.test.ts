import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cases as rmsNorm } from '../../kernels/rms-norm/rms-norm.cases.ts';
import { checkKernel } from '../../tools/doctor/check-kernel.ts';
import type { Diagnosis } from '../../tools/doctor/diagnosis.ts';
import { testEngine } from '../support/engine.ts';

const engine = await testEngine();
const run = fileURLToPath(new URL('../../tools/run.mjs', import.meta.url));

/** Runs `doctor --json` in a process of its own. */
async function doctor(env: Record<string, string>): Promise<{ code: number; diagnosis: Diagnosis }> {
  const done = await promisify(execFile)(process.execPath, [run, 'doctor', '--json'], {
    env: { ...process.env, ...env },
  }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  return { code: done.code, diagnosis: JSON.parse(done.stdout) as Diagnosis };
}

describe('doctor without a device', () => {
  it('exits with 3 and says what would help', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'layerloom-doctor-'));
    try {
      const { code, diagnosis } = await doctor({ LAYERLOOM_CACHE: cache, LAYERLOOM_DRIVER: 'lavapipe' });
      expect(code).toBe(3);
      expect(diagnosis).toMatchObject({ device: null, kernels: [], cacheFolder: cache });
      expect(diagnosis.fault).toMatch(/^engine: no WebGPU adapter/);
      expect(diagnosis.advice.join(' ')).toMatch(/npm install @sparticuz\/chromium/);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });
});

describe.skipIf(typeof engine === 'string')(
  `doctor (${typeof engine === 'string' ? engine : engine.info.description})`,
  () => {
    if (typeof engine === 'string') return;

    it('finds the device, and three kernels right', async () => {
      const { code, diagnosis } = await doctor({});
      expect(code).toBe(0);
      expect(diagnosis.device?.description).toBe(engine.info.description);
      expect(diagnosis.kernels.map(({ op, fault }) => [op, fault])).toEqual([
        ['rms_norm', null],
        ['matmul', null],
        ['attention', null],
      ]);
    });

    it('names a kernel that is wrong', async () => {
      const cases = rmsNorm.cases.map((testCase) => ({
        ...testCase,
        expected: (...args: Parameters<typeof testCase.expected>) => {
          const outputs = testCase.expected(...args);
          for (const { values } of Object.values(outputs)) values[0] += 1;
          return outputs;
        },
      }));
      const check = await checkKernel(engine, { op: 'rms_norm', cases });
      expect(check.fault).toMatch(/^y: 1\/\d+ elements out of tolerance .* worst at 0:/);
    });

    it('says so where no case runs', async () => {
      const cases = rmsNorm.cases.map((testCase) => ({ ...testCase, skip: () => 'never' }));
      expect((await checkKernel(engine, { op: 'rms_norm', cases })).fault).toBe('no case runs on this device');
    });
  },
);

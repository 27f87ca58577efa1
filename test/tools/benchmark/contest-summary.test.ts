import { expect, it } from 'vitest';
import { groupRatios, summaryLines } from '../../../tools/benchmark/contest-summary.ts';
import type { ContestantResult, WorkloadRow } from '../../../tools/benchmark/report.ts';

function contestant(
  name: string,
  ms: number | null,
  error: number,
  fault: string | null = null,
  cpuMs?: number,
): ContestantResult {
  const spread = (value: number) => ({ p10: value, p50: value, p90: value, n: 3 });
  const cpuTime = cpuMs === undefined ? null : spread(cpuMs);
  return {
    name,
    skipped: null,
    fault,
    error: { max: error, rms: error },
    time: ms === null ? null : spread(ms),
    cpuTime,
    coldMs: null,
  };
}

function row(name: string, contestants: readonly ContestantResult[]): WorkloadRow {
  return { id: 'C1', name, flops: 1, bytes: 1, bound: 1e-5, contestants };
}

const rows = [
  row('a', [
    contestant('layerloom', 10, 4e-7),
    contestant('ort-webgpu', 15, 1e-2, 'error 1.0e-2 exceeds 1e-3'),
    contestant('jax-js', 40, 2e-7),
    contestant('tfjs', 90, 4e-7),
    contestant('tinygrad', null, 4e-7),
    contestant('torch-cpu', 1, 4e-7),
  ]),
  row('b', [
    contestant('layerloom', 10, 1e-6, null, 5),
    contestant('ort-webgpu', 10, 1e-6, null, 15),
    contestant('tinygrad', 20, 3e-6),
  ]),
  row('ours failed', [contestant('layerloom', null, 1e-6), contestant('ort-webgpu', 10, 1e-6)]),
];

it('compares with the fastest right peer of each group, and only where ours is right', () => {
  expect(rows.map((each) => groupRatios(each).map(({ group, peer, ratio }) => [group, peer, ratio]))).toEqual([
    [['best npm peer', 'jax-js', 4]],
    [
      ['best npm peer', 'ort-webgpu', 1],
      ['tinygrad', 'tinygrad', 2],
    ],
    [],
  ]);
  expect(groupRatios(rows[0])[0].errorRatio).toBeCloseTo(0.5);
});

it('gives the least ratio and the geometric mean', () => {
  const lines = summaryLines(rows);
  expect(lines).toContain('best npm peer: 2 rows, least 1.00, geometric mean 2.00');
  expect(lines).toContain('tinygrad: 1 rows, least 2.00, geometric mean 2.00');
  // Only one row knows the CPU time of both.
  expect(lines).toContain('best npm peer, CPU time: 1 rows, least 3.00, geometric mean 3.00');
  expect(lines.join('\n')).not.toContain('ours failed');
  expect(summaryLines([row('alone', [contestant('layerloom', 10, 1e-6)])])).toEqual([]);
});

import { describe, expect, it } from 'vitest';
import { compareReports, comparisonLines } from '../../../tools/benchmark/compare-reports.ts';
import { plotsOf } from '../../../tools/benchmark/bench-plots.ts';
import { kernelLines, workloadLines } from '../../../tools/benchmark/print-report.ts';
import { parseReport } from '../../../tools/benchmark/read-report.ts';
import type { BenchReport, KernelRow, WorkloadRow } from '../../../tools/benchmark/report.ts';

function row(name: string, p50: number, width = 0.02, n = 20): KernelRow {
  return {
    op: 'matmul',
    case: name,
    variant: 'outer16',
    source: 'layerloom',
    chosen: true,
    flops: 1e9,
    bytes: 1e6,
    fault: null,
    error: { max: 1e-7, rms: 1e-8 },
    time: { p10: p50 * (1 - width), p50, p90: p50 * (1 + width), n },
    hostUs: null,
    compileMs: 12,
    gflops: 1e9 / p50 / 1e6,
    gbs: 1e6 / p50 / 1e6,
    roof: { bound: 'arithmetic', share: 0.5 },
  };
}

function report(kernels: readonly KernelRow[], changes: Partial<BenchReport> = {}): BenchReport {
  return {
    format: 'layerloom-bench',
    version: 1,
    date: '2026-01-01T00:00:00.000Z',
    commit: null,
    layerloom: '0.1.0',
    machine: {
      device: 'a device',
      vendor: '',
      architecture: '',
      isSoftware: true,
      subgroups: [8, 8],
      f16: true,
      matrixConfigs: [],
      webgpu: 'webgpu 0.6.2',
      host: 'Node 20',
      cpus: 1,
    },
    clock: 'timestamp',
    tuning: null,
    roofs: { copyGbs: 10, fmaGflops: 100, matrixGflops: null },
    kernels,
    workloads: [],
    peers: {},
    ...changes,
  };
}

describe('comparing reports', () => {
  const verdicts = (before: BenchReport, after: BenchReport): Record<string, string> =>
    Object.fromEntries(
      compareReports(before, after).rows.map(({ name, verdict }) => [name.split(' | ')[1] ?? name, verdict]),
    );

  it('calls a change what exceeds noise and floor', () => {
    const before = report([row('a', 10), row('b', 10), row('c', 10), row('d', 10, 0.5, 5)]);
    const after = report([row('a', 8), row('b', 12), row('c', 10.4), row('d', 12, 0.5, 5)]);
    expect(verdicts(before, after)).toEqual({ a: 'faster', b: 'slower', c: 'same', d: 'same' });
  });

  it('takes nothing for a change that the probes moved by too', () => {
    const before = report([row('a', 10)]);
    const slowMachine = report([row('a', 12)], { roofs: { copyGbs: 7.5, fmaGflops: 100, matrixGflops: null } });
    expect(verdicts(before, slowMachine)).toEqual({ a: 'same' });
  });

  it('compares only what both have right', () => {
    const wrong: KernelRow = { ...row('b', 5), fault: 'element 3', time: null };
    const { rows, unmatched } = compareReports(report([row('a', 1), row('b', 9)]), report([row('a', 1), wrong]));
    expect(rows.map(({ name }) => name)).toEqual(['matmul | a | outer16 | layerloom']);
    expect(unmatched).toEqual(['matmul | b | outer16 | layerloom']);
  });

  it('says where two runs are not alike', () => {
    const other = report([], { clock: 'wall', tuning: 'h100.json' });
    const { warnings } = compareReports(report([]), other);
    expect(warnings).toEqual(['clock: timestamp before, wall now', 'tuning: null before, h100.json now']);
    expect(comparisonLines(compareReports(report([]), other))[0]).toBe(
      'not like with like: clock: timestamp before, wall now',
    );
  });
});

describe('reading a report', () => {
  it('gives back what was written', () => {
    const written = report([row('a', 1)]);
    expect(parseReport(JSON.stringify(written), 'a.json')).toEqual(written);
  });

  it.each(['{', '{}', 'null', '[]', '{"format":"layerloom-bench","version":2,"kernels":[],"workloads":[]}'])(
    'refuses %s',
    (text) => expect(() => parseReport(text, 'x.json')).toThrow(/^bench: x\.json is no/),
  );
});

describe('printing and plotting', () => {
  const workload: WorkloadRow = {
    id: 'C1',
    name: '256^3',
    flops: 33554432,
    bytes: 786432,
    bound: 1e-5,
    contestants: [
      {
        name: 'layerloom',
        skipped: null,
        fault: null,
        error: { max: 1e-7, rms: 1e-8 },
        time: { p10: 2, p50: 2, p90: 2, n: 8 },
        coldMs: 9,
      },
      {
        name: 'ort',
        skipped: null,
        fault: 'off by 1e-2',
        error: { max: 1e-2, rms: 1e-2 },
        time: { p10: 5, p50: 5, p90: 5, n: 8 },
        coldMs: 9,
      },
      { name: 'tfjs', skipped: 'not installed', fault: null, error: null, time: null, coldMs: null },
    ],
  };

  it('shows a wrong result as wrong and what was skipped by name', () => {
    const text = workloadLines([workload]).join('\n');
    expect(text).toMatch(/ort .* 2\.50 .*WRONG: off by 1e-2/);
    expect(text).toMatch(/tfjs +skipped: not installed/);
    expect(kernelLines([{ ...row('a', 1), fault: 'element 0', time: null }]).at(-1)).toMatch(
      /WRONG, not timed: element 0/,
    );
  });

  it('draws a circle for each right kernel and a bar for each figure', () => {
    const plots = plotsOf(
      report([row('a', 1), row('b', 2), { ...row('c', 1), fault: 'x', time: null }], { workloads: [workload] }),
    );
    expect(plots.map(({ file }) => file)).toEqual(['roofline.svg', 'C1.svg']);
    const [roofline, bars] = plots.map(({ svg }) => svg);
    expect(roofline.match(/<circle[^>]*fill-opacity/g)).toHaveLength(2);
    expect(roofline).not.toMatch(/NaN|Infinity|undefined/);
    expect(bars).toContain('ort (wrong)');
    expect(bars).not.toMatch(/NaN|Infinity|undefined/);
  });
});

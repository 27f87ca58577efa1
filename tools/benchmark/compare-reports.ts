import { figure, tableLines } from './print-report.ts';
import { kernelKey, type BenchReport } from './report.ts';
import { medianError, type Spread } from './statistics.ts';

/** What a comparison says of one row. */
export interface RowVerdict {
  readonly name: string;
  /** Medians in ms. */
  readonly before: number;
  readonly after: number;
  /** before / after: above 1 is faster now. */
  readonly ratio: number;
  /** Change that this row needs before it counts, as a share of the older time. */
  readonly noise: number;
  readonly verdict: 'faster' | 'slower' | 'same';
}

/** Two reports held against each other. */
export interface ReportComparison {
  readonly rows: readonly RowVerdict[];
  /** Rows that only one of the two has. */
  readonly unmatched: readonly string[];
  /** Why the two should not be compared, where something speaks against it. */
  readonly warnings: readonly string[];
  /** Largest change of a probe between the two: the machine itself ran that much faster or slower. */
  readonly drift: number;
}

/** Standard errors of the difference that a change must exceed: one row in about 400 exceeds it by chance. */
const SIGMAS = 3;
/** Change that never counts, as runs on one machine differ by that much from process to process. */
const FLOOR = 0.05;

/**
 * Compares kernels and our own workload times row by row.
 *
 * A change counts where it is larger than three standard errors of the difference of the medians, than 5 %, and than
 * what the probes say of the machine between the two runs.
 */
export function compareReports(before: BenchReport, after: BenchReport): ReportComparison {
  const old = timesOf(before);
  const now = timesOf(after);
  const drift = Math.max(
    Math.abs(after.roofs.copyGbs / before.roofs.copyGbs - 1),
    Math.abs(after.roofs.fmaGflops / before.roofs.fmaGflops - 1),
  );
  const rows = [...now].flatMap(([name, time]): RowVerdict[] => {
    const earlier = old.get(name);
    if (!earlier) return [];
    const statistical = (SIGMAS * Math.hypot(medianError(earlier), medianError(time))) / earlier.p50;
    const noise = Math.max(FLOOR, drift, statistical);
    const change = time.p50 / earlier.p50 - 1;
    const verdict = Math.abs(change) <= noise ? 'same' : change < 0 ? 'faster' : 'slower';
    return [{ name, before: earlier.p50, after: time.p50, ratio: earlier.p50 / time.p50, noise, verdict }];
  });
  const unmatched = [...old.keys(), ...now.keys()].filter((name) => !old.has(name) || !now.has(name));
  return { rows, unmatched, warnings: warningsOf(before, after), drift };
}

function timesOf({ kernels, workloads }: BenchReport): Map<string, Spread> {
  const times = new Map<string, Spread>();
  for (const row of kernels) if (row.time && !row.fault) times.set(kernelKey(row), row.time);
  for (const { id, name, contestants } of workloads) {
    const ours = contestants.find((contestant) => contestant.name === 'layerloom');
    if (ours?.time && !ours.fault) times.set(`${id} | ${name}`, ours.time);
  }
  return times;
}

function warningsOf(before: BenchReport, after: BenchReport): string[] {
  const pairs: [string, string, string][] = [
    ['device', before.machine.device, after.machine.device],
    ['subgroups', String(before.machine.subgroups), String(after.machine.subgroups)],
    ['WebGPU', before.machine.webgpu, after.machine.webgpu],
    ['host', before.machine.host, after.machine.host],
    ['CPUs', String(before.machine.cpus), String(after.machine.cpus)],
    ['clock', before.clock, after.clock],
    ['tuning', String(before.tuning), String(after.tuning)],
  ];
  return pairs.flatMap(([what, a, b]) => (a === b ? [] : [`${what}: ${a} before, ${b} now`]));
}

/** The comparison as a table, the largest changes first. */
export function comparisonLines({ rows, unmatched, warnings, drift }: ReportComparison): string[] {
  const sorted = [...rows].sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
  const count = (verdict: RowVerdict['verdict']): number => rows.filter((row) => row.verdict === verdict).length;
  return [
    ...warnings.map((warning) => `not like with like: ${warning}`),
    ...tableLines(
      ['row', 'before ms', 'now ms', 'before/now', 'noise', 'verdict'],
      sorted.map((row) => [
        row.name,
        figure(row.before),
        figure(row.after),
        figure(row.ratio),
        `${(100 * row.noise).toFixed(0)} %`,
        row.verdict,
      ]),
    ),
    `${count('faster')} faster, ${count('slower')} slower, ${count('same')} the same within noise; the probes moved by ${(100 * drift).toFixed(1)} %; ${unmatched.length} rows in one report only`,
  ];
}

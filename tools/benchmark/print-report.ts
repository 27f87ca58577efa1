import type { BenchReport, ContestantResult, KernelRow, WorkloadRow } from './report.ts';
import type { ResultError, Spread } from './statistics.ts';

/** Lines of a table with columns as wide as they need; the first `textColumns` lean left, figures right. */
export function tableLines(header: readonly string[], rows: readonly (readonly string[])[], textColumns = 1): string[] {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < textColumns ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)];
}

/** A figure with three digits that count. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, digits));
}

/** `5.12 (-2 % +7 %) n 20`: median, and how far the tenth and the ninetieth percentile lie from it. */
export function spreadText({ p10, p50, p90, n }: Spread): string {
  const off = (value: number): string => `${Math.round((100 * (value - p50)) / p50)} %`;
  return `${figure(p50)} (${off(p10)} +${off(p90)}) n ${n}`;
}

function errorText(error: ResultError | null): string {
  return error ? error.max.toExponential(1) : '';
}

/** What a machine is and what it reaches at most. */
export function headLines({ machine, roofs, clock, tuning, commit, layerloom }: BenchReport): string[] {
  const matrix = roofs.matrixGflops === null ? '' : `, ${figure(roofs.matrixGflops)} GFLOP/s on the matrix unit`;
  return [
    `${machine.device}${machine.isSoftware ? ' (a CPU driver: ratios mean something here, seconds do not)' : ''}`,
    `${machine.webgpu}, ${machine.host}; layerloom ${layerloom}${commit ? ` at ${commit.slice(0, 12)}` : ''}; tuning ${tuning ?? 'none'}`,
    `roofs: copy ${figure(roofs.copyGbs)} GB/s, ${figure(roofs.fmaGflops)} GFLOP/s in f32${matrix}`,
    `times: ms by ${clock === 'timestamp' ? 'GPU timestamps' : 'the wall clock (no timestamp queries here)'}, median (p10 p90) and samples`,
  ];
}

/** The table of kernels. */
export function kernelLines(rows: readonly KernelRow[]): string[] {
  const header = ['op', 'case', 'variant', 'ms', 'GFLOP/s', 'GB/s', 'of roof', 'host us', 'compile ms', 'error'];
  const cells = rows.map((row) => {
    const name = [row.op, row.case, `${row.source === 'layerloom' ? '' : `${row.source}: `}${row.variant}`];
    if (row.fault || !row.time) return [...name, `WRONG, not timed: ${row.fault ?? ''}`];
    return [
      ...name,
      spreadText(row.time),
      row.flops > 0 ? figure(row.gflops ?? 0) : '',
      figure(row.gbs ?? 0),
      row.roof ? `${Math.round(100 * row.roof.share)} % ${row.roof.bound}` : '',
      row.hostUs ? figure(row.hostUs.p50) : '',
      row.compileMs === null ? '' : figure(row.compileMs),
      errorText(row.error),
    ];
  });
  return tableLines(header, cells, 4);
}

/** The table of workloads: each contestant's time, its ratio to ours, its error. */
export function workloadLines(rows: readonly WorkloadRow[]): string[] {
  return rows.flatMap((row) => {
    const ours = row.contestants.find(({ name }) => name === 'layerloom');
    const cells = row.contestants.map((contestant) => [contestant.name, ...contestantCells(contestant, row, ours)]);
    return [
      `${row.id} ${row.name}${row.flops > 0 ? `, ${figure(row.flops / 1e9)} GFLOP` : ''}`,
      ...tableLines(['', 'ms', 'GFLOP/s', 'x ours', 'cpu ms', 'x ours', 'first ms', 'error'], cells, 2).map(
        (line) => `  ${line}`,
      ),
      '',
    ];
  });
}

function contestantCells(contestant: ContestantResult, row: WorkloadRow, ours: ContestantResult | undefined): string[] {
  const { time, cpuTime, coldMs, error, fault, skipped } = contestant;
  if (skipped) return [`skipped: ${skipped}`];
  if (!time) return [`no figure: ${fault ?? ''}`];
  return [
    spreadText(time),
    row.flops > 0 ? figure(row.flops / time.p50 / 1e6) : '',
    ours?.time ? figure(time.p50 / ours.time.p50) : '',
    cpuTime ? figure(cpuTime.p50) : '',
    cpuTime && ours?.cpuTime ? figure(cpuTime.p50 / ours.cpuTime.p50) : '',
    coldMs === null ? '' : figure(coldMs),
    `${errorText(error)}${fault ? ` WRONG: ${fault}` : ''}`,
  ];
}

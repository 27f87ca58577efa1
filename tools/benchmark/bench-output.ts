import { plotsOf, type BenchPlot } from './bench-plots.ts';
import { compareReports, comparisonLines } from './compare-reports.ts';
import { summaryLines } from './contest-summary.ts';
import { headLines, kernelLines, workloadLines } from './print-report.ts';
import type { BenchReport } from './report.ts';

/** A report as lines for a person. */
export function reportLines(report: BenchReport): string[] {
  return [
    ...headLines(report),
    '',
    ...(report.kernels.length > 0 ? [...kernelLines(report.kernels), ''] : []),
    ...workloadLines(report.workloads),
    ...summaryLines(report.workloads),
  ];
}

/** A report's plots. */
export function reportPlots(report: BenchReport): BenchPlot[] {
  return plotsOf(report);
}

/** A comparison as lines, and whether something got slower. */
export function comparison(before: BenchReport, after: BenchReport): { lines: string[]; isSlower: boolean } {
  const compared = compareReports(before, after);
  return {
    lines: comparisonLines(compared),
    isSlower: compared.rows.some(({ verdict }) => verdict === 'slower'),
  };
}

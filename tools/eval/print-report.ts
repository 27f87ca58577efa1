import type { Estimate } from './bootstrap.ts';
import type { CandidateReport, TaskReport } from './evaluate.ts';
import { samplingLine } from './eval-sampling.ts';
import { HEADLINES, TASK_TITLES } from './headlines.ts';
import { METRIC_KEYS, METRICS } from './metric-table.ts';
import type { MetricKey } from './metric-table.ts';
import { GROUPINGS } from './summarize.ts';

/** The report as lines of plain text: a table per task with all candidates, then the groups of the model. */
export function reportLines(reports: readonly TaskReport[]): string[] {
  return reports.flatMap((report) => [...taskLines(report), '']).slice(0, -1);
}

function taskLines({ task, designs, candidates }: TaskReport): string[] {
  const keys = METRIC_KEYS.filter((key) => candidates.some(({ overall }) => overall[key] !== undefined));
  const head = [`${TASK_TITLES[task]} (${task}), ${designs} designs`, ...candidates.map(({ name }) => name)];
  const rows = keys.map((key) => [titleOf(key), ...candidates.map(({ overall }) => cellOf(key, overall[key]))]);
  const seconds = ['seconds a design', ...candidates.map(({ durationMs }) => (durationMs / 1000).toFixed(2))];
  const model = candidates.find(({ kind }) => kind === 'model');
  const sampled = candidates.flatMap(({ kind, sampling }) =>
    kind === 'model' && sampling ? [`  ${samplingLine(sampling)}`] : [],
  );
  return [...tableLines([head, ...rows, seconds]), ...sampled, ...(model ? ['', ...groupLines(task, model)] : [])];
}

function groupLines(task: TaskReport['task'], candidate: CandidateReport): string[] {
  const keys = HEADLINES[task].filter((key) => candidate.overall[key] !== undefined);
  const head = [`${task}, ${candidate.name}, by`, ...keys.map(titleOf)];
  const rows = GROUPINGS.flatMap((grouping) =>
    Object.entries(candidate.groups[grouping]).map(([tag, figures]) => [
      grouping === 'layerCount' ? `layers: ${tag}` : tag,
      ...keys.map((key) => cellOf(key, figures[key])),
    ]),
  );
  return tableLines([head, ...rows]);
}

/** A metric's name with its unit. */
export function titleOf(key: MetricKey): string {
  const { label, unit } = METRICS[key];
  return unit === '' ? label : `${label}, ${unit}`;
}

/** A figure and half the width of its interval. */
export function cellOf(key: MetricKey, figure: Estimate | undefined): string {
  if (figure === undefined) return '-';
  const digits = METRICS[key].unit === '' ? 3 : 2;
  return `${figure.value.toFixed(digits)} ±${((figure.high - figure.low) / 2).toFixed(digits)}`;
}

/** Columns as wide as their widest cell, the first to the left, the others to the right. */
function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return rows.flatMap((row, i) => (i === 0 ? [line(row), rule] : [line(row)]));
}

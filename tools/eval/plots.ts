import type { Panel } from './charts.ts';
import { arrange, barPanel, curvePanel } from './charts.ts';
import type { CandidateReport, TaskReport } from './evaluate.ts';
import { HEADLINES, TASK_TITLES } from './headlines.ts';
import { METRICS } from './metric-table.ts';
import type { MetricKey } from './metric-table.ts';
import { titleOf } from './print-report.ts';
import { drawing, element, text } from './svg.ts';

/** A plot and the file that it belongs into. */
export interface Plot {
  readonly file: string;
  readonly svg: string;
}

/** Plots of a report: for each task all candidates in its headline metrics, its elements, and its step counts. */
export function plotsOf(reports: readonly TaskReport[]): Plot[] {
  return reports.flatMap((report) => [...candidatePlot(report), ...elementPlot(report), ...stepsPlot(report)]);
}

function candidatePlot({ task, designs, candidates }: TaskReport): Plot[] {
  const panels = HEADLINES[task].flatMap((key): Panel[] => {
    const bars = candidates.flatMap(({ name, overall }, fill) => {
      const figure = overall[key];
      return figure ? [{ label: name, figure, fill }] : [];
    });
    return bars.length === 0 ? [] : [barPanel(titleOf(key), bars, digitsOf(key))];
  });
  return plot(`${task}.svg`, `${TASK_TITLES[task]}, ${designs} designs, 95 % intervals`, panels);
}

function elementPlot({ task, candidates }: TaskReport): Plot[] {
  const [first] = candidates;
  if (!first) return [];
  const panels = HEADLINES[task].flatMap((key): Panel[] => {
    const bars = Object.entries(first.groups.element).flatMap(([label, figures]) => {
      const figure = figures[key];
      return figure ? [{ label, figure, fill: 0 }] : [];
    });
    return bars.length < 2 ? [] : [barPanel(titleOf(key), bars, digitsOf(key))];
  });
  return plot(`${task}-elements.svg`, `${TASK_TITLES[task]}, ${first.name}, by kind of element`, panels);
}

function stepsPlot({ task, candidates }: TaskReport): Plot[] {
  const models = candidates.filter(
    (candidate): candidate is CandidateReport & { readonly steps: number } =>
      candidate.kind === 'model' && candidate.steps !== undefined,
  );
  if (models.length < 2) return [];
  const panels = HEADLINES[task].flatMap((key): Panel[] => {
    const points = models.flatMap(({ steps, overall }) => {
      const figure = overall[key];
      return figure ? [{ x: steps, figure }] : [];
    });
    return points.length < 2 ? [] : [curvePanel(titleOf(key), points, digitsOf(key))];
  });
  return plot(`${task}-steps.svg`, `${TASK_TITLES[task]}, by number of steps`, panels);
}

function plot(file: string, title: string, panels: readonly Panel[]): Plot[] {
  if (panels.length === 0) return [];
  const body = arrange(panels, 2);
  const [margin, head] = [16, 40];
  const children = [
    text(margin, 26, title, { 'font-size': 16, 'font-weight': 'bold' }),
    element('g', { transform: `translate(${margin} ${head})` }, body.svg),
  ];
  return [{ file, svg: drawing(body.width + 2 * margin, body.height + head + margin, title, ...children) }];
}

function digitsOf(key: MetricKey): number {
  return METRICS[key].unit === '' ? 2 : 1;
}

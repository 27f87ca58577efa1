import type { Estimate } from '../eval/bootstrap.ts';
import { arrange, barPanel, type Panel } from '../eval/charts.ts';
import { drawing, element, text } from '../eval/svg.ts';
import type { BenchReport, KernelRow, WorkloadRow } from './report.ts';
import type { Spread } from './statistics.ts';

/** A plot and the file that it belongs into. */
export interface BenchPlot {
  readonly file: string;
  readonly svg: string;
}

/** Plots of a report: the roofline with every kernel on it, and for each workload the contestants' times. */
export function plotsOf(report: BenchReport): BenchPlot[] {
  const timed = report.kernels.filter(({ time, fault }) => time && !fault);
  const plots: BenchPlot[] = [];
  if (timed.some(({ flops }) => flops > 0)) plots.push({ file: 'roofline.svg', svg: rooflinePlot(report, timed) });
  for (const id of new Set(report.workloads.map((row) => row.id))) {
    const panels = report.workloads.filter((row) => row.id === id).flatMap((row) => workloadPanel(row));
    if (panels.length > 0)
      plots.push({ file: `${id}.svg`, svg: sheet(`${id}, ms of one run on ${report.machine.device}`, panels) });
  }
  return plots;
}

function workloadPanel(row: WorkloadRow): Panel[] {
  const bars = row.contestants.flatMap(({ name, time, fault }, fill) =>
    time ? [{ label: fault ? `${name} (wrong)` : name, figure: asEstimate(time), fill }] : [],
  );
  return bars.length === 0 ? [] : [barPanel(row.name, bars, 2)];
}

/** Bars show the median, whiskers the tenth and the ninetieth percentile. */
function asEstimate({ p10, p50, p90, n }: Spread): Estimate {
  return { value: p50, low: p10, high: p90, designs: n };
}

function sheet(title: string, panels: readonly Panel[]): string {
  const body = arrange(panels, 2);
  const [margin, head] = [16, 40];
  const children = [
    text(margin, 26, title, { 'font-size': 14, 'font-weight': 'bold' }),
    element('g', { transform: `translate(${margin} ${head})` }, body.svg),
  ];
  return drawing(body.width + 2 * margin, body.height + head + margin, title, ...children);
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [760, 440, 64, 48, 48];
const FILLS = ['#1f5fbf', '#e08a1e', '#3c9d6b', '#c2557a', '#8466b8', '#7a7a7a', '#b08a00', '#4fa3b5'];

/** GFLOP/s over operations per byte, both logarithmic; the roofs are the probes'. */
function rooflinePlot({ roofs, machine }: BenchReport, rows: readonly KernelRow[]): string {
  const points = rows.filter(({ flops, bytes }) => flops > 0 && bytes > 0);
  const intensities = points.map(({ flops, bytes }) => flops / bytes);
  const speeds = points.map(({ gflops }) => gflops ?? 0).filter((speed) => speed > 0);
  const top = Math.max(roofs.fmaGflops, roofs.matrixGflops ?? 0, ...speeds);
  const x = logAxis(Math.min(...intensities) / 2, Math.max(...intensities) * 2, LEFT, WIDTH - 160);
  const y = logAxis(Math.min(...speeds) / 2, top * 1.5, HEIGHT - BOTTOM, TOP);
  const roof = (peak: number, dash: string): string => {
    const knee = peak / roofs.copyGbs;
    const corners = [x.low, Math.min(Math.max(knee, x.low), x.high), x.high].map(
      (at) => `${x.at(at).toFixed(1)},${y.at(Math.min(peak, Math.max(y.low, at * roofs.copyGbs))).toFixed(1)}`,
    );
    return element('polyline', {
      points: corners.join(' '),
      fill: 'none',
      stroke: '#222222',
      'stroke-dasharray': dash,
    });
  };
  const ops = [...new Set(points.map(({ op }) => op))];
  const fillOf = (op: string): string => FILLS[ops.indexOf(op) % FILLS.length];
  const title = `Roofline of ${machine.device}`;
  return drawing(
    WIDTH,
    HEIGHT,
    title,
    text(16, 26, title, { 'font-size': 14, 'font-weight': 'bold' }),
    ...x.ticks.map((tick) => text(x.at(tick), HEIGHT - BOTTOM + 16, String(tick), { 'text-anchor': 'middle' })),
    ...y.ticks.map((tick) => text(LEFT - 6, y.at(tick) + 4, String(tick), { 'text-anchor': 'end' })),
    text((LEFT + WIDTH - 160) / 2, HEIGHT - 10, 'operations per byte', { 'text-anchor': 'middle' }),
    text(LEFT, TOP - 8, 'GFLOP/s'),
    roof(roofs.fmaGflops, 'none'),
    ...(roofs.matrixGflops === null ? [] : [roof(roofs.matrixGflops, '6 4')]),
    ...points.map(({ op, case: name, variant, flops, bytes, gflops, chosen }) =>
      element(
        'circle',
        {
          cx: x.at(flops / bytes),
          cy: y.at(gflops ?? y.low),
          r: chosen ? 5 : 3,
          fill: fillOf(op),
          'fill-opacity': 0.75,
        },
        element('title', {}, `${op} ${name} [${variant}]`.replace(/[&<>]/gu, ' ')),
      ),
    ),
    ...ops.flatMap((op, i) => [
      element('circle', { cx: WIDTH - 146, cy: TOP + 18 * i, r: 5, fill: fillOf(op) }),
      text(WIDTH - 136, TOP + 4 + 18 * i, op),
    ]),
  );
}

interface LogAxis {
  readonly low: number;
  readonly high: number;
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function logAxis(low: number, high: number, from: number, to: number): LogAxis {
  const span = Math.log10(high / low);
  const ticks: number[] = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); power++) ticks.push(10 ** power);
  return { low, high, ticks, at: (value) => from + ((to - from) * Math.log10(value / low)) / span };
}

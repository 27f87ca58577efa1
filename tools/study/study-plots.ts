import { PSNR_CAP } from '../eval/psnr.ts';
import { drawing, element, text } from '../eval/svg.ts';
import type { SettingSummary, StudyReport } from './summarize-study.ts';

/** A plot and the file that it belongs into. */
export interface StudyPlot {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

const COLOURS = ['#1f5fbf', '#e08a1e', '#3c9d6b', '#c2557a', '#8466b8', '#7a7a7a', '#b08a1e', '#2aa1b3'];
const [LEFT, TOP, WIDTH, HEIGHT] = [64, 40, 560, 340];

/** Plots of a study: closeness against speed with the Pareto front, latents by step, hit patterns. */
export function studyPlots(report: StudyReport): StudyPlot[] {
  const { summaries } = report;
  const plots: StudyPlot[] = [];
  const add = (file: string, title: string, svg: string | undefined): void => {
    if (svg !== undefined) plots.push({ file, title, svg });
  };
  add('pareto.svg', 'Closeness to the base against speed', paretoPlot(summaries));
  add('latents.svg', 'Latents against the uncached run with the same steps', latentPlot(summaries));
  add('patterns.svg', 'Computed steps and hits', patternPlot(summaries));
  return plots;
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** A linear scale with about five round ticks. */
function linear(low: number, high: number, from: number, to: number): Scale {
  const span = high > low ? high - low : 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9; tick += step) ticks.push(tick);
  return { at: (value) => from + ((value - low) / span) * (to - from), ticks };
}

function frame(x: Scale, y: Scale, names: { x: string; y: string }, form: (value: number) => string): string {
  const bottom = TOP + HEIGHT;
  return [
    element('rect', { x: LEFT, y: TOP, width: WIDTH, height: HEIGHT, fill: 'none', stroke: '#bbbbbb' }),
    ...x.ticks.map((tick) => text(x.at(tick), bottom + 16, shortNumber(tick), { 'text-anchor': 'middle' })),
    ...y.ticks.map((tick) =>
      [
        element('line', { x1: LEFT, y1: y.at(tick), x2: LEFT + WIDTH, y2: y.at(tick), stroke: '#eeeeee' }),
        text(LEFT - 6, y.at(tick) + 4, form(tick), { 'text-anchor': 'end' }),
      ].join(''),
    ),
    text(LEFT + WIDTH / 2, bottom + 34, names.x, { 'text-anchor': 'middle' }),
    text(LEFT, TOP - 10, names.y),
  ].join('');
}

function paretoPlot(summaries: readonly SettingSummary[]): string | undefined {
  const points = summaries.filter(({ speedup, base }) => Number.isFinite(speedup) && Number.isFinite(base.psnr));
  if (points.length < 2) return undefined;
  const x = linear(0, Math.max(...points.map(({ speedup }) => speedup)) * 1.05, LEFT, LEFT + WIDTH);
  const least = Math.min(...points.map(({ base }) => base.psnr));
  const y = linear(Math.floor(least - 1), PSNR_CAP + 1, TOP + HEIGHT, TOP);
  const front = points.filter(({ isPareto }) => isPareto).sort((a, b) => a.speedup - b.speedup);
  const steps = [...new Set(points.map(({ setting }) => setting.steps))];
  const colourOf = ({ setting }: SettingSummary): string => COLOURS[steps.indexOf(setting.steps) % COLOURS.length];
  const height = TOP + HEIGHT + 60 + points.length * 15;
  const marks = points.map((summary, i) =>
    [
      element('circle', {
        cx: x.at(summary.speedup),
        cy: y.at(summary.base.psnr),
        r: summary.isPareto ? 5 : 3.5,
        fill: colourOf(summary),
        'fill-opacity': summary.isPareto ? 1 : 0.55,
      }),
      text(x.at(summary.speedup) + 6, y.at(summary.base.psnr) - 5, String(i + 1), { 'font-size': 9 }),
    ].join(''),
  );
  const legend = points.map((summary, i) =>
    text(
      LEFT,
      TOP + HEIGHT + 62 + i * 15,
      `${i + 1}  ${summary.name}: ${summary.speedup.toFixed(2)}x, ${summary.base.psnr.toFixed(1)} dB${summary.isPareto ? ', Pareto' : ''}`,
      { fill: colourOf(summary), 'font-size': 11 },
    ),
  );
  const line = element('polyline', {
    points: front.map(({ speedup, base }) => `${x.at(speedup).toFixed(1)},${y.at(base.psnr).toFixed(1)}`).join(' '),
    fill: 'none',
    stroke: '#444444',
    'stroke-dasharray': '4 3',
  });
  const axes = frame(
    x,
    y,
    { x: 'speed against the base (denoising loop)', y: 'PSNR to the base, dB (50 = equal)' },
    shortNumber,
  );
  return drawing(LEFT + WIDTH + 40, height, 'Closeness against speed', axes, line, ...marks, ...legend);
}

function latentPlot(summaries: readonly SettingSummary[]): string | undefined {
  const curves = summaries.flatMap(({ name, twin }) => {
    const values = twin.latentNmse;
    return values && values.length > 1 && values.some((value) => value > 0) ? [{ name, values }] : [];
  });
  if (curves.length === 0) return undefined;
  const logs = curves.flatMap(({ values }) =>
    values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10),
  );
  const y = linear(Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs)), TOP + HEIGHT, TOP);
  const x = linear(0, 1, LEFT, LEFT + WIDTH);
  const lines = curves.map(({ values }, i) =>
    element('polyline', {
      points: values
        .flatMap((value, step) =>
          value > 0 && Number.isFinite(value)
            ? [`${x.at((step + 1) / values.length).toFixed(1)},${y.at(Math.log10(value)).toFixed(1)}`]
            : [],
        )
        .join(' '),
      fill: 'none',
      stroke: COLOURS[i % COLOURS.length],
      'stroke-width': 1.5,
      'stroke-dasharray': ['none', '6 3', '2 2'][Math.floor(i / COLOURS.length) % 3],
    }),
  );
  const legend = curves.map(({ name, values }, i) =>
    text(LEFT, TOP + HEIGHT + 62 + i * 15, `${name}: ${values[values.length - 1].toExponential(1)} at the end`, {
      fill: COLOURS[i % COLOURS.length],
      'font-size': 11,
    }),
  );
  const axes = frame(
    x,
    y,
    { x: 'share of the steps', y: 'NMSE of the moving latents' },
    (tick) => `1e${shortNumber(tick)}`,
  );
  return drawing(
    LEFT + WIDTH + 40,
    TOP + HEIGHT + 60 + curves.length * 15,
    'Latents by step',
    axes,
    ...lines,
    ...legend,
  );
}

function patternPlot(summaries: readonly SettingSummary[]): string | undefined {
  const cached = summaries.filter(({ hitShare }) => hitShare > 0);
  if (cached.length === 0) return undefined;
  const [cell, label] = [12, 250];
  const longest = Math.max(...cached.map(({ pattern }) => pattern.length));
  const fills: Readonly<Record<string, string>> = { '1': '#1f5fbf', '0': '#d5dfee', '*': '#e08a1e' };
  const rows = cached.map(({ name, pattern }, row) => {
    const y = 40 + row * (cell + 6);
    return [
      text(label - 8, y + cell - 2, name, { 'text-anchor': 'end', 'font-size': 11 }),
      ...pattern.split('').map((mark, step) =>
        element('rect', {
          x: label + step * (cell + 1),
          y,
          width: cell,
          height: cell,
          fill: fills[mark] ?? '#000000',
        }),
      ),
    ].join('');
  });
  const head = text(label, 24, 'dark: computed, light: hit, orange: differs between designs (guided pass)');
  const width = label + Math.max(longest * (cell + 1), 430) + 16;
  return drawing(width, 52 + cached.length * (cell + 6), 'Hit patterns', head, ...rows);
}

function shortNumber(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

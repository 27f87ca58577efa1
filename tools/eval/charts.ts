import type { Estimate } from './bootstrap.ts';
import { element, text } from './svg.ts';

/** Fills of candidates in their order; told apart by their lightness too. */
const FILLS = ['#1f5fbf', '#e08a1e', '#7a7a7a', '#b9b9b9', '#3c9d6b', '#c2557a', '#8466b8', '#d3c04a'];

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly figure: Estimate;
  /** Which fill. */
  readonly fill: number;
}

/** A panel with a title, as large as it says. */
export interface Panel {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

const LABEL_WIDTH = 120;
const PLOT_WIDTH = 220;
const VALUE_WIDTH = 60;
const BAR = 16;
const HEAD = 28;

/** Horizontal bars with their 95 % intervals, from zero (or from the least value, where one is negative). */
export function barPanel(title: string, bars: readonly Bar[], digits: number): Panel {
  const low = Math.min(0, ...bars.map(({ figure }) => figure.low));
  const high = Math.max(...bars.map(({ figure }) => figure.high), low + 1e-9);
  const at = (value: number): number => LABEL_WIDTH + ((value - low) / (high - low)) * PLOT_WIDTH;
  const rows = bars.map(({ label, figure, fill }, i) => {
    const y = HEAD + i * (BAR + 6);
    const middle = y + BAR / 2;
    const [from, to] = [Math.min(at(0), at(figure.value)), Math.max(at(0), at(figure.value))];
    return [
      text(LABEL_WIDTH - 6, middle + 4, label, { 'text-anchor': 'end' }),
      element('rect', { x: from, y, width: Math.max(1, to - from), height: BAR, fill: fillOf(fill) }),
      interval(at(figure.low), at(figure.high), middle),
      text(LABEL_WIDTH + PLOT_WIDTH + 6, middle + 4, figure.value.toFixed(digits)),
    ].join('');
  });
  const height = HEAD + bars.length * (BAR + 6) + 8;
  const axis = element('line', { x1: at(0), y1: HEAD - 4, x2: at(0), y2: height - 8, stroke: '#444444' });
  const head = text(LABEL_WIDTH, 16, title, { 'font-weight': 'bold' });
  return { svg: [head, ...rows, axis].join(''), width: LABEL_WIDTH + PLOT_WIDTH + VALUE_WIDTH, height };
}

function interval(x1: number, x2: number, y: number): string {
  const stroke = { stroke: '#111111', 'stroke-width': 1.2 };
  return [
    element('line', { x1, y1: y, x2, y2: y, ...stroke }),
    element('line', { x1, y1: y - 4, x2: x1, y2: y + 4, ...stroke }),
    element('line', { x1: x2, y1: y - 4, x2, y2: y + 4, ...stroke }),
  ].join('');
}

/** A point of a curve. */
export interface CurvePoint {
  readonly x: number;
  readonly figure: Estimate;
}

/** A curve over a logarithmic axis (steps double), with intervals. */
export function curvePanel(title: string, points: readonly CurvePoint[], digits: number): Panel {
  const [left, width, height] = [52, 240, 150];
  const low = Math.min(...points.map(({ figure }) => figure.low));
  const high = Math.max(...points.map(({ figure }) => figure.high), low + 1e-9);
  const first = Math.log2(Math.min(...points.map(({ x }) => x)));
  const span = Math.max(1e-9, Math.log2(Math.max(...points.map(({ x }) => x))) - first);
  const atX = (x: number): number => left + ((Math.log2(x) - first) / span) * width;
  const atY = (y: number): number => HEAD + height - ((y - low) / (high - low)) * height;
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const line = element('polyline', {
    points: sorted.map(({ x, figure }) => `${atX(x).toFixed(2)},${atY(figure.value).toFixed(2)}`).join(' '),
    fill: 'none',
    stroke: fillOf(0),
    'stroke-width': 2,
  });
  const marks = sorted.map(({ x, figure }) =>
    [
      element('line', { x1: atX(x), y1: atY(figure.low), x2: atX(x), y2: atY(figure.high), stroke: '#111111' }),
      element('circle', { cx: atX(x), cy: atY(figure.value), r: 3.5, fill: fillOf(0) }),
      text(atX(x), HEAD + height + 16, String(x), { 'text-anchor': 'middle' }),
    ].join(''),
  );
  const scale = [low, high].map((y) => text(left - 8, atY(y) + 4, y.toFixed(digits), { 'text-anchor': 'end' }));
  const frame = element('rect', { x: left, y: HEAD, width, height, fill: 'none', stroke: '#bbbbbb' });
  const head = text(left, 16, title, { 'font-weight': 'bold' });
  return {
    svg: [head, frame, ...scale, line, ...marks].join(''),
    width: left + width + 24,
    height: HEAD + height + 28,
  };
}

/** Panels beside and below each other. */
export function arrange(panels: readonly Panel[], columns: number): Panel {
  const placed: string[] = [];
  let [y, width] = [0, 0];
  for (let start = 0; start < panels.length; start += columns) {
    let x = 0;
    let tallest = 0;
    for (const panel of panels.slice(start, start + columns)) {
      placed.push(element('g', { transform: `translate(${x} ${y})` }, panel.svg));
      x += panel.width + 16;
      tallest = Math.max(tallest, panel.height);
    }
    width = Math.max(width, x - 16);
    y += tallest + 12;
  }
  return { svg: placed.join(''), width, height: y };
}

function fillOf(index: number): string {
  return FILLS[index % FILLS.length];
}

import { describe, expect, test } from 'vitest';
import type { Estimate } from '../../../tools/eval/bootstrap.ts';
import { barPanel, curvePanel } from '../../../tools/eval/charts.ts';
import type { CandidateReport, TaskReport } from '../../../tools/eval/evaluate.ts';
import { plotsOf } from '../../../tools/eval/plots.ts';
import { cellOf, reportLines, titleOf } from '../../../tools/eval/print-report.ts';
import { drawing, element, text } from '../../../tools/eval/svg.ts';

const figure = (value: number, half = 0.1): Estimate => ({ value, low: value - half, high: value + half, designs: 4 });

function candidate(name: string, kind: CandidateReport['kind'], iou: number, steps?: number): CandidateReport {
  const overall = { alphaIou: figure(iou), mergedPsnr: figure(20 * iou, 1) };
  return {
    name,
    kind,
    about: '',
    durationMs: 1500,
    ...(steps === undefined ? {} : { steps }),
    overall,
    groups: {
      layerCount: { '2-3': overall },
      overflow: {},
      element: { star: { alphaIou: figure(iou) }, ring: { alphaIou: figure(iou / 2) } },
    },
  };
}

const report: TaskReport = {
  task: 'i2l',
  designs: 4,
  candidates: [
    candidate('model, 8 steps', 'model', 0.7, 8),
    candidate('model, 50 steps', 'model', 0.69, 50),
    candidate('paste', 'baseline', 0.5),
  ],
};

test('a cell is a figure and half its interval', () => {
  expect(cellOf('alphaIou', figure(0.71234, 0.0211))).toBe('0.712 ±0.021');
  expect(cellOf('mergedPsnr', figure(25, 0.5))).toBe('25.00 ±0.50');
  expect(cellOf('alphaIou', undefined)).toBe('-');
  expect([titleOf('alphaIou'), titleOf('grayLeak')]).toEqual(['alpha IoU', 'gray leak, %']);
});

test('the table: one column for each candidate, then the groups of the first model', () => {
  expect(reportLines([report]).join('\n')).toBe(
    [
      'image to layers (i2l), 4 designs  model, 8 steps  model, 50 steps         paste',
      '--------------------------------  --------------  ---------------  ------------',
      'alpha IoU                           0.700 ±0.100     0.690 ±0.100  0.500 ±0.100',
      'merged PSNR, dB                      14.00 ±1.00      13.80 ±1.00   10.00 ±1.00',
      'seconds a design                            1.50             1.50          1.50',
      '',
      'i2l, model, 8 steps, by     alpha IoU  merged PSNR, dB',
      '-----------------------  ------------  ---------------',
      'layers: 2-3              0.700 ±0.100      14.00 ±1.00',
      'star                     0.700 ±0.100                -',
      'ring                     0.350 ±0.100                -',
    ].join('\n'),
  );
});

describe('plots', () => {
  test('are one file a task for candidates, elements and steps', () => {
    const plots = plotsOf([report]);
    expect(plots.map(({ file }) => file)).toEqual(['i2l.svg', 'i2l-elements.svg', 'i2l-steps.svg']);
    for (const { svg } of plots) {
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d/u);
      expect(svg.match(/<g\b/gu)?.length).toBe(svg.match(/<\/g>/gu)?.length);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/u);
    }
    expect(plots[0]?.svg).toContain('alpha IoU');
    expect(plots[0]?.svg).toContain('paste');
    expect(plots[1]?.svg).toContain('star');
  });

  test('of baselines alone have no curve', () => {
    const alone = { ...report, candidates: report.candidates.slice(2) };
    expect(plotsOf([alone]).map(({ file }) => file)).toEqual(['i2l.svg', 'i2l-elements.svg']);
    expect(plotsOf([{ ...report, candidates: [] }])).toEqual([]);
  });

  test('a bar is as long as its figure', () => {
    const bars = [{ label: 'a', figure: figure(1, 0), fill: 0 }, { label: 'b', figure: figure(0.25, 0), fill: 1 }]; // prettier-ignore
    const { svg } = barPanel('t', bars, 2);
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/gu)].map((match) => Number(match[1]));
    expect(widths).toEqual([220, 55]);
  });

  test('a bar below zero reaches to the left', () => {
    const bars = [{ label: 'a', figure: figure(-1, 0), fill: 0 }, { label: 'b', figure: figure(1, 0), fill: 1 }]; // prettier-ignore
    const xs = [...barPanel('t', bars, 2).svg.matchAll(/<rect x="([\d.]+)"/gu)].map((match) => Number(match[1]));
    expect(xs).toEqual([120, 230]);
  });

  test('a curve has its steps in order, doubling evenly', () => {
    const points = [8, 2, 4].map((x) => ({ x, figure: figure(x / 10, 0) }));
    const [, line = ''] = /points="([^"]+)"/u.exec(curvePanel('t', points, 2).svg) ?? [];
    expect(line.split(' ').map((point) => Number(point.split(',')[0]))).toEqual([52, 172, 292]);
  });

  test('text is escaped, numbers are rounded', () => {
    expect(text(1.234_56, 2, '<a & "b">')).toBe('<text x="1.23" y="2">&#60;a &#38; &#34;b&#34;&#62;</text>');
    expect(element('rect', { fill: 'a"b' })).toBe('<rect fill="a&#34;b"/>');
    expect(drawing(10, 5, 'x<y')).toContain('<title>x&#60;y</title>');
  });
});

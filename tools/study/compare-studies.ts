import { escapeHtml, page } from './study-report.ts';
import type { SettingSummary, StudyReport } from './summarize-study.ts';

/** One setting in both studies. */
export interface SettingComparison {
  readonly name: string;
  readonly a: SettingSummary;
  readonly b: SettingSummary;
}

/** Two studies beside each other. */
export interface StudyComparison {
  readonly both: readonly SettingComparison[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** What the studies do not share, in words: other models, devices, designs. */
  readonly notes: readonly string[];
}

/** Matches settings by what they run, whatever they are called. */
export function compareStudies(a: StudyReport, b: StudyReport): StudyComparison {
  const inB = new Map(b.summaries.map((summary) => [summary.key, summary]));
  const inA = new Set(a.summaries.map(({ key }) => key));
  const notes = (['model', 'fingerprint', 'task', 'seed', 'device'] as const).flatMap((key) =>
    a.identity[key] === b.identity[key] ? [] : [`${key}: ${a.identity[key]} | ${b.identity[key]}`],
  );
  if (a.identity.designs.join() !== b.identity.designs.join())
    notes.push(`designs: ${a.identity.designs.length} | ${b.identity.designs.length}, not the same ones`);
  return {
    both: a.summaries.flatMap((summary) => {
      const other = inB.get(summary.key);
      return other ? [{ name: summary.name, a: summary, b: other }] : [];
    }),
    onlyA: a.summaries.filter(({ key }) => !inB.has(key)).map(({ name }) => name),
    onlyB: b.summaries.filter(({ key }) => !inA.has(key)).map(({ name }) => name),
    notes,
  };
}

interface Row {
  readonly name: string;
  readonly value: (summary: SettingSummary) => number | null;
  readonly digits: number;
}

const ROWS: readonly Row[] = [
  { name: 'loop ms', value: (s) => s.loopMs, digits: 0 },
  { name: 'speedup', value: (s) => s.speedup, digits: 2 },
  { name: 'PSNR base', value: (s) => s.base.psnr, digits: 1 },
  { name: 'PSNR twin', value: (s) => s.twin.psnr, digits: 1 },
  { name: 'layer PSNR twin', value: (s) => s.twin.layerPsnr, digits: 1 },
  { name: 'alpha IoU twin', value: (s) => s.twin.alphaIou, digits: 4 },
  { name: 'hits', value: (s) => s.hitShare, digits: 3 },
  { name: 'device MiB', value: (s) => s.deviceBytes / 2 ** 20, digits: 1 },
];

function cells({ a, b }: SettingComparison): string[] {
  return ROWS.map(({ value, digits }) => {
    const [from, to] = [value(a), value(b)];
    if (from === null || to === null) return '-';
    const delta = to - from;
    return `${from.toFixed(digits)} > ${to.toFixed(digits)} (${delta < 0 ? '' : '+'}${delta.toFixed(digits)})`;
  });
}

/** The comparison as lines of text. */
export function comparisonLines(comparison: StudyComparison): string[] {
  const rows = [
    ['setting', ...ROWS.map(({ name }) => name)],
    ...comparison.both.map((item) => [item.name, ...cells(item)]),
  ];
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return [
    ...comparison.notes.map((note) => `differs: ${note}`),
    ...rows.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    ),
    ...comparison.onlyA.map((name) => `only in the first: ${name}`),
    ...comparison.onlyB.map((name) => `only in the second: ${name}`),
  ];
}

/** The comparison as one page. */
export function comparisonHtml(comparison: StudyComparison): string {
  const row = (tag: string, items: readonly string[]): string =>
    `<tr>${items.map((item) => `<${tag}>${escapeHtml(item)}</${tag}>`).join('')}</tr>`;
  const table = [
    row('th', ['setting', ...ROWS.map(({ name }) => name)]),
    ...comparison.both.map((item) => row('td', [item.name, ...cells(item)])),
  ].join('\n');
  const list = (title: string, items: readonly string[]): string =>
    items.length === 0
      ? ''
      : `<h2>${title}</h2><ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;
  return page(
    'Two studies',
    [
      list('What differs between the studies', comparison.notes),
      `<table>${table}</table>`,
      list('Only in the first', comparison.onlyA),
      list('Only in the second', comparison.onlyB),
    ].join('\n'),
  );
}

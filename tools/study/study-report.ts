import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../runtime/errors.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import { studyPlots } from './study-plots.ts';
import { parseNumbers, stringifyNumbers } from './study-store.ts';
import type { SettingSummary, StudyReport } from './summarize-study.ts';

/** A column of tables and CSV. */
interface Column {
  readonly name: string;
  readonly about: string;
  readonly value: (summary: SettingSummary) => number | string | null;
  /** Decimals in tables; absent: as it is. */
  readonly digits?: number;
  /** In the short tables too. */
  readonly isMain?: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: 'setting', about: 'what was run', value: ({ name }) => name, isMain: true },
  {
    name: 'loopMs',
    about: 'denoising loop, host time, median over designs',
    value: (s) => s.loopMs,
    digits: 0,
    isMain: true,
  },
  { name: 'cpuMs', about: 'the same in processor time of the process', value: (s) => s.cpuMs, digits: 0 },
  { name: 'speedup', about: "the base's loop time over this one's", value: (s) => s.speedup, digits: 2, isMain: true },
  {
    name: 'twinSpeedup',
    about: 'the same against the uncached full-precision run with the same steps',
    value: (s) => s.twinSpeedup,
    digits: 2,
    isMain: true,
  },
  {
    name: 'workSpeedup',
    about: "the base's FLOPs over this one's",
    value: (s) => s.workSpeedup,
    digits: 2,
    isMain: true,
  },
  {
    name: 'psnrBase',
    about: 'dB, merged picture against the base (50 = equal)',
    value: (s) => s.base.psnr,
    digits: 1,
    isMain: true,
  },
  {
    name: 'psnrTwin',
    about: 'dB, merged picture against the twin',
    value: (s) => s.twin.psnr,
    digits: 1,
    isMain: true,
  },
  { name: 'ssimBase', about: 'merged picture', value: (s) => s.base.ssim, digits: 4 },
  { name: 'ssimTwin', about: 'merged picture', value: (s) => s.twin.ssim, digits: 4, isMain: true },
  { name: 'layerPsnrBase', about: 'dB, mean over layers', value: (s) => s.base.layerPsnr, digits: 1 },
  { name: 'layerPsnrTwin', about: 'dB, mean over layers', value: (s) => s.twin.layerPsnr, digits: 1, isMain: true },
  { name: 'layerSsimTwin', about: 'mean over layers', value: (s) => s.twin.layerSsim, digits: 4 },
  { name: 'alphaIouBase', about: 'mean over layers', value: (s) => s.base.alphaIou, digits: 4 },
  { name: 'alphaIouTwin', about: 'mean over layers', value: (s) => s.twin.alphaIou, digits: 4, isMain: true },
  { name: 'latentNmseTwin', about: 'moving latents after the last step', value: (s) => s.twin.finalNmse },
  { name: 'hits', about: 'share of passes', value: (s) => s.hitShare, digits: 3, isMain: true },
  {
    name: 'regionHits',
    about: 'share of regions that alone would have been reused',
    value: (s) => s.regionHitShare,
    digits: 3,
  },
  {
    name: 'pattern',
    about: 'guided pass: 1 computed, 0 hit, * differs between designs',
    value: (s) => s.pattern,
    isMain: true,
  },
  { name: 'gflopsDone', about: 'transformer and cache, mean over designs', value: (s) => s.flopsDone / 1e9, digits: 2 },
  { name: 'gflopsSkipped', about: 'blocks left out', value: (s) => s.flopsSkipped / 1e9, digits: 2 },
  {
    name: 'deviceMiB',
    about: 'GPU buffers alive in the loop, at most',
    value: (s) => s.deviceBytes / 2 ** 20,
    digits: 1,
  },
  {
    name: 'modulationMiB',
    about: 'modulation on the device in the loop: the table, or weights that stay resident',
    value: ({ modulationBytes: bytes }) => (typeof bytes === 'number' ? bytes / 2 ** 20 : null),
    digits: 2,
  },
  {
    name: 'pareto',
    about: 'no other setting is both faster and closer to the base',
    value: (s) => (s.isPareto ? 'yes' : ''),
    isMain: true,
  },
];

/** Writes study.json, study.csv, the plots and index.html. */
export async function writeStudyReport(folder: string, report: StudyReport, signal?: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (file: string, content: string): Promise<void> =>
    writeFileAtomic(join(folder, file), [new TextEncoder().encode(content)], signal);
  await write('study.json', `${stringifyNumbers(report)}\n`);
  await write('study.csv', studyCsv(report.summaries));
  for (const { file, svg } of studyPlots(report)) await write(file, svg);
  await write('index.html', studyHtml(report));
}

/** Reads a study.json, or that of a study's folder. @throws UsageError if it is none */
export async function readStudyReport(path: string): Promise<StudyReport> {
  const file = path.endsWith('.json') ? path : join(path, 'study.json');
  let value: unknown;
  try {
    value = parseNumbers(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`study: ${file} cannot be read as a report (${String(cause)}).`, { cause });
  }
  if (
    typeof value !== 'object' ||
    value === null ||
    !('format' in value) ||
    value.format !== 'layerloom-study-report/1'
  )
    throw new UsageError(`study: ${file} is no report of a study (format "layerloom-study-report/1").`);
  return value as StudyReport;
}

/** One line a setting. */
export function studyCsv(summaries: readonly SettingSummary[]): string {
  const cell = (value: number | string | null): string => {
    if (value === null) return '';
    const text = typeof value === 'number' ? String(value) : value;
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = summaries.map((summary) => COLUMNS.map(({ value }) => cell(value(summary))).join(','));
  return `${[COLUMNS.map(({ name }) => name).join(','), ...lines].join('\n')}\n`;
}

/** The main columns as lines of text. */
export function studyLines({ summaries, skipped }: StudyReport): string[] {
  const columns = COLUMNS.filter(({ isMain }) => isMain);
  const rows = [
    columns.map(({ name }) => name),
    ...summaries.map((summary) => columns.map((column) => shown(column, summary))),
  ];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return [
    ...rows.map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    ),
    ...skipped.map(({ name, reason }) => `left out: ${name}: ${reason}`),
  ];
}

function shown({ value, digits }: Column, summary: SettingSummary): string {
  const found = value(summary);
  if (found === null) return '-';
  if (typeof found === 'string') return found;
  return digits === undefined ? found.toExponential(1) : found.toFixed(digits);
}

/** One page that needs nothing beside it. */
export function studyHtml(report: StudyReport): string {
  const { identity, summaries, skipped, base } = report;
  const table = [
    `<tr>${COLUMNS.map(({ name, about }) => `<th title="${escapeHtml(about)}">${name}</th>`).join('')}</tr>`,
    ...summaries.map(
      (summary) =>
        `<tr${summary.isPareto ? ' class="pareto"' : ''}>${COLUMNS.map((column) => `<td>${escapeHtml(shown(column, summary))}</td>`).join('')}</tr>`,
    ),
  ].join('\n');
  const plots = studyPlots(report)
    .map(({ title, svg }) => `<h2>${escapeHtml(title)}</h2>\n${svg}`)
    .join('\n');
  const left = skipped.map(({ name, reason }) => `<li>${escapeHtml(`${name}: ${reason}`)}</li>`).join('\n');
  return page(
    'Study',
    [
      `<p>${escapeHtml(identity.model)}, task ${identity.task}, ${identity.designs.length} designs, seed ${identity.seed}, on ${escapeHtml(identity.device)}. Base: ${escapeHtml(base)}. Speeds are ratios of ${identity.clock === 'cpu' ? 'processor time of the process (a software driver shares its cores with others)' : 'host time'} in the denoising loop.</p>`,
      `<table>${table}</table>`,
      left === '' ? '' : `<h2>Left out</h2><ul>${left}</ul>`,
      plots,
      `<h2>Columns</h2><dl>${COLUMNS.map(({ name, about }) => `<dt>${name}</dt><dd>${escapeHtml(about)}</dd>`).join('')}</dl>`,
    ].join('\n'),
  );
}

/** A page with the house's plain style. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:14px system-ui,sans-serif;margin:24px;max-width:1200px}table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{padding:3px 8px;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}
tr.pareto{background:#eef4ff}svg{max-width:100%;height:auto}dt{font-weight:bold;float:left;clear:left;width:10em}</style></head>
<body><h1>${escapeHtml(title)}</h1>
${body}
</body></html>
`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/gu, (char) => `&#${char.charCodeAt(0)};`);
}

// The bench in a page: `npm run build:page` bundles it, see vite.config.ts beside it.
import { benchInBrowser, OP_IDS, renderReport } from '../../tools/benchmark/browser.ts';
import type { BenchReport } from '../../tools/benchmark/report.ts';

/** What the page was built from; vite.config.ts puts it in. */
declare const LAYERLOOM_SOURCE: { readonly layerloom: string; readonly commit: string | null };

const form = at('form', HTMLFormElement);
const status = at('status', HTMLElement);
const runButton = at('run', HTMLButtonElement);
const stopButton = at('stop', HTMLButtonElement);
const exportButton = at('export', HTMLButtonElement);
let report: BenchReport | undefined;
let abort: AbortController | undefined;

for (const op of OP_IDS) {
  const label = document.createElement('label');
  const box = Object.assign(document.createElement('input'), { type: 'checkbox', name: 'op', value: op });
  label.append(box, ` ${op}`);
  at('ops', HTMLElement).append(label);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void run();
});
stopButton.addEventListener('click', () => abort?.abort());
exportButton.addEventListener('click', () => {
  const url = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: 'layerloom-bench.json' }).click();
  URL.revokeObjectURL(url);
});

async function run(): Promise<void> {
  const data = new FormData(form);
  const caseText = data.get('case');
  const { signal } = (abort = new AbortController());
  setBusy(true);
  try {
    // Types say that it is always there; outside https and localhost, and in older browsers, it is not.
    if (!('gpu' in navigator)) throw new Error('this browser has no WebGPU');
    status.textContent = 'measuring what the device reaches at most';
    let count = 0;
    report = await benchInBrowser(navigator.gpu, {
      source: LAYERLOOM_SOURCE,
      ops: data.getAll('op').map(String),
      ...(typeof caseText === 'string' && caseText !== '' ? { caseText } : {}),
      variants: data.has('all') ? 'all' : 'chosen',
      seconds: Number(data.get('seconds')),
      signal,
      onRow: ({ op, case: name }) => (status.textContent = `${++count}: ${op} ${name}`),
    });
    show(report);
    status.textContent = `${report.kernels.length} kernels measured`;
  } catch (error) {
    status.textContent = signal.aborted
      ? 'stopped'
      : `failed: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    setBusy(false);
  }
}

function show(measured: BenchReport): void {
  const { text, plots } = renderReport(measured);
  const table = at('table', HTMLElement);
  table.hidden = false;
  table.textContent = text;
  at('plots', HTMLElement).replaceChildren(
    ...plots.map((svg) =>
      document.importNode(new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement, true),
    ),
  );
}

function setBusy(isBusy: boolean): void {
  runButton.disabled = isBusy;
  stopButton.disabled = !isBusy;
  exportButton.disabled = isBusy || !report;
}

/** The element with an id. @throws Error if index.html has none of that class */
function at<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`index.html: no ${kind.name} with id "${id}"`);
  return element;
}

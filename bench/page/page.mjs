// The bench in a page: plain modules out of dist/, no bundler. `npm run build`, then `node bench/page/serve.mjs`.
import { benchInBrowser, OP_IDS, renderReport } from '/dist/tools/benchmark/browser.js';

const at = (id) => document.getElementById(id);
const form = at('form');
const status = at('status');
let report;
let abort;

for (const op of OP_IDS) {
  const label = document.createElement('label');
  const box = Object.assign(document.createElement('input'), { type: 'checkbox', name: 'op', value: op });
  label.append(box, ` ${op}`);
  at('ops').append(label);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void run();
});
at('stop').addEventListener('click', () => abort?.abort());
at('export').addEventListener('click', () => {
  const url = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: 'layerloom-bench.json' }).click();
  URL.revokeObjectURL(url);
});

async function run() {
  const data = new FormData(form);
  abort = new AbortController();
  setBusy(true);
  try {
    if (!navigator.gpu) throw new Error('this browser has no WebGPU');
    let count = 0;
    report = await benchInBrowser(navigator.gpu, {
      ops: data.getAll('op'),
      caseText: data.get('case') || undefined,
      variants: data.get('all') ? 'all' : 'chosen',
      seconds: Number(data.get('seconds')),
      signal: abort.signal,
      onRow: ({ op, case: name }) => (status.textContent = `${++count}: ${op} ${name}`),
    });
    show();
    status.textContent = `${report.kernels.length} kernels measured`;
  } catch (error) {
    status.textContent = abort.signal.aborted ? 'stopped' : `failed: ${error.message}`;
  } finally {
    setBusy(false);
  }
}

function show() {
  const { text, plots } = renderReport(report);
  at('table').hidden = false;
  at('table').textContent = text;
  at('plots').replaceChildren(
    ...plots.map((svg) =>
      document.importNode(new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement, true),
    ),
  );
}

function setBusy(isBusy) {
  form.querySelector('[type=submit]').disabled = isBusy;
  at('stop').disabled = !isBusy;
  at('export').disabled = isBusy || !report;
}

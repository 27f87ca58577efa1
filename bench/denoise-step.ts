// Where the time of one denoise step goes, by op: GPU timestamps of every dispatch of the transformer pass.
//   npx tsx bench/denoise-step.ts [MODEL] [--layout FILE] [--json]
import { parseArgs } from 'node:util';
import { loadPipeline } from '../model/pipeline/load-pipeline.ts';
import { toGenerate } from '../model/pipeline/tasks.ts';
import { Denoiser } from '../model/denoise/denoiser.ts';
import { modelFolder } from '../runtime/node/model-folder.ts';
import { openEngine } from '../runtime/node/open-engine.ts';
import { profileProgram, type DispatchTiming } from '../runtime/timing.ts';
import { DEFAULT_MODEL } from '../tools/default-model.ts';
import { readDesignFile } from '../tools/design/design-files.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { layout: { type: 'string', default: 'examples/poster/layout.json' }, json: { type: 'boolean' } },
});
/** Repeats; the median of each dispatch counts. */
const REPEATS = 7;

await using engine = await openEngine({ dawn: { disable: ['timestamp_quantization'] } });
await using pipeline = await loadPipeline(engine, await modelFolder(positionals[0] ?? DEFAULT_MODEL));
const { design } = await readDesignFile(values.layout);
const job = pipeline.plan(toGenerate(design, 'a poster'));
const transformer = await pipeline.transformer();
const text = await pipeline.encodeText(job);
const denoiser = await Denoiser.prepare(engine, transformer, pipeline.denoiseSpec(job, text, transformer));
const pass = denoiser.passes.cond;
if (!pass) throw new Error('the loop has no pass');

const runs: DispatchTiming[][] = [];
for (let i = 0; i < REPEATS + 2; i++) runs.push(await profileProgram(engine, pass.program));
const started = performance.now();
pass.run();
const encodeMs = performance.now() - started;
await engine.idle();
const wallMs = performance.now() - started;

const byOp = new Map<string, { count: number; ms: number; flops: number }>();
let total = 0;
runs[0].forEach((timing, index) => {
  const samples = runs
    .slice(2)
    .map((run) => run[index].durationMs)
    .sort((a, b) => a - b);
  const ms = samples[Math.floor(samples.length / 2)];
  const entry = byOp.get(timing.op) ?? { count: 0, ms: 0, flops: 0 };
  byOp.set(timing.op, { count: entry.count + 1, ms: entry.ms + ms, flops: entry.flops + timing.flops });
  total += ms;
});
const rows = [...byOp].map(([op, entry]) => ({ op, ...entry, share: entry.ms / total })).sort((a, b) => b.ms - a.ms);
const report = {
  device: engine.info.description,
  tokens: { image: job.plan.numTokens, text: text.text.length },
  gpuMs: total,
  wallMs,
  encodeMs,
  ops: rows,
};
if (values.json) console.log(JSON.stringify(report, null, 2));
else {
  console.log(`${report.device}: ${report.tokens.image} + ${report.tokens.text} tokens, one pass`);
  console.log(
    `GPU ${total.toFixed(2)} ms (timestamps), wall ${wallMs.toFixed(2)} ms, of it encoding ${encodeMs.toFixed(2)} ms`,
  );
  for (const { op, count, ms, share, flops } of rows)
    console.log(
      `  ${op.padEnd(22)} ${String(count).padStart(4)}x ${ms.toFixed(3).padStart(9)} ms ${(100 * share).toFixed(1).padStart(5)} %  ${(flops / ms / 1e6).toFixed(2).padStart(7)} GFLOP/s`,
    );
}
denoiser.dispose();

// The first hour on a GPU, in one command: everything is checked, timed and written down step by step, so that a run that is
// cut short still leaves data. See bench/README.md.
//   node dist/tools/benchmark/gpu/gpu-run.js --out FOLDER [--small] [--any-adapter] [--peers FOLDER] [--steps a,b]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { Peers } from '../peers.ts';
import { GPU_STEPS, type GpuStep } from './gpu-steps.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    small: { type: 'boolean', default: false },
    'any-adapter': { type: 'boolean', default: false },
    peers: { type: 'string' },
    steps: { type: 'string' },
    seconds: { type: 'string', default: '1' },
  },
});
const out = values.out ?? process.env.OUT;
if (!out) {
  console.error('gpu-run: give a folder for the results: --out FOLDER, or OUT in the environment');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const wanted = values.steps?.split(',');
const unknown = wanted?.find((name) => !GPU_STEPS.some((step) => step.name === name));
if (unknown !== undefined) {
  console.error(`gpu-run: no step "${unknown}". Steps: ${GPU_STEPS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
// A missing driver must not turn into a run on the CPU that looks like one on a GPU.
await using engine = await openEngine({
  adapter: values['any-adapter'] ? 'any' : 'gpu',
  dawn: { disable: ['timestamp_quantization'] },
});
await using peers = await Peers.open(values.peers);
const failures: string[] = [];
const lines: string[] = [];
for (const step of GPU_STEPS) {
  if (wanted && !wanted.includes(step.name)) continue;
  console.error(`== ${step.name}: ${step.what}`);
  const start = performance.now();
  const found = await runStep(step);
  const seconds = (performance.now() - start) / 1000;
  writeFileSync(join(out, `${step.name}.json`), `${JSON.stringify({ step: step.name, seconds, ...found }, null, 2)}\n`);
  lines.push(`-- ${step.name} (${seconds.toFixed(1)} s)`, ...found.lines, '');
  console.error(found.lines.join('\n'));
  if (found.fault !== null) failures.push(`${step.name}: ${found.fault}`);
  if (engine.failure) break; // a lost device answers nothing more
}
writeFileSync(join(out, 'table.txt'), `${lines.join('\n')}\n`);
console.log(lines.join('\n'));
for (const failure of failures) console.log(`FAILED ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;

/** A step that throws is written down as failed, and the next one starts. */
async function runStep(step: GpuStep): Promise<Awaited<ReturnType<GpuStep['run']>>> {
  try {
    return await step.run({ engine, peers, isSmall: values.small, seconds: Number(values.seconds) });
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { fault, lines: [`FAILED: ${fault}`], data: null };
  }
}

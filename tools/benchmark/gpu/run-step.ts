// One step of gpu-run, in a process of its own: a driver that crashes takes no other step with it. gpu-run.ts starts it.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine, type Engine } from '../../../runtime/engine.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { DEFAULT_CLOCK } from '../dispatch-clock.ts';
import type { Roofs } from '../report.ts';
import { GPU_RUN_DAWN } from './dawn-toggles.ts';
import { GPU_STEPS } from './gpu-steps.ts';
import { openNullGpu } from './null-gpu.ts';
import { findPeers } from './peer-folder.ts';
import type { StepContext, StepResult } from './step.ts';
import { findTorch } from './torch-peer.ts';

const { values } = parseArgs({
  options: {
    step: { type: 'string', default: '' },
    out: { type: 'string', default: '' },
    limit: { type: 'string', default: 'Infinity' },
    small: { type: 'boolean', default: false },
    null: { type: 'boolean', default: false },
    'any-adapter': { type: 'boolean', default: false },
    torch: { type: 'string' },
    'no-torch': { type: 'boolean', default: false },
    peers: { type: 'string' },
    seconds: { type: 'string', default: '1' },
  },
});
const start = performance.now();
/** Share of the limit after which a step begins to come to its end. */
const SOFT = 0.8;
const step = GPU_STEPS.find(({ name }) => name === values.step);
if (!step) throw new RangeError(`run-step: no step "${values.step}".`);
await using engine: Engine = values.null
  ? await createEngine({ gpu: await openNullGpu() })
  : await openEngine({ adapter: values['any-adapter'] ? 'any' : 'gpu', dawn: GPU_RUN_DAWN });
const isCompiledOnly = values.null;
const isAnyDevice = values['any-adapter'] || isCompiledOnly;
const peers = findPeers(values.peers);
const context: StepContext = {
  engine,
  isSmall: values.small || isCompiledOnly,
  isNull: isCompiledOnly,
  clock: isCompiledOnly
    ? { seconds: 0, minSamples: 1, maxSamples: 1 }
    : { ...DEFAULT_CLOCK, seconds: Number(values.seconds) },
  roofs: roofsOfEarlierSteps(),
  torch: values['no-torch'] ? { absent: 'not wanted' } : findTorch(values.torch, peers, isAnyDevice),
  peers,
  python: values.torch ?? 'python3',
  isAnyDevice,
  tuningFile: join(values.out, 'tuning.json'),
  isLate: () => performance.now() - start > SOFT * 1000 * Number(values.limit),
  keep: (data) => write({ complete: false, fault: null, lines: [], data }),
};
write({ complete: false, fault: null, lines: [], data: null });
write({ complete: true, ...(await runStep(step.run)) });

/** A step that throws is a failed step, not a failed run. */
async function runStep(run: (context: StepContext) => Promise<StepResult>): Promise<StepResult> {
  try {
    return await run(context);
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { fault, lines: [], data: null };
  }
}

function write(result: StepResult & { readonly complete: boolean }): void {
  const file = join(values.out, `${values.step}.json`);
  const seconds = (performance.now() - start) / 1000;
  const device = engine.info.description || engine.info.device || (values.null ? 'null back end' : '');
  const text = JSON.stringify({ step: values.step, device, small: context.isSmall, seconds, ...result }, null, 2);
  writeFileSync(`${file}.part`, `${text}\n`);
  renameSync(`${file}.part`, file);
}

/** The roofs in the result of the first step that measured them. */
function roofsOfEarlierSteps(): Roofs | undefined {
  for (const { name } of GPU_STEPS) {
    const file = join(values.out, `${name}.json`);
    if (name === values.step || !existsSync(file)) continue;
    const { data } = JSON.parse(readFileSync(file, 'utf8')) as { data?: { roofs?: Roofs } | null };
    if (data?.roofs) return data.roofs;
  }
  return undefined;
}

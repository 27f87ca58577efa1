// What there is to know of a GPU, in one command, step by step, so that a run that is cut short still leaves data. See
// bench/README.md.
//   node dist/tools/benchmark/gpu/gpu-run.js --out FOLDER [--part 1|2|3] [--steps a,b] [--budget SECONDS] [--small]
//     [--any-adapter] [--null] [--torch PYTHON | --no-torch] [--peers FOLDER] [--seconds S]
import { parseArgs } from 'node:util';
import { GPU_STEPS } from './gpu-steps.ts';
import { runSteps } from './run-steps.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    part: { type: 'string' },
    steps: { type: 'string' },
    budget: { type: 'string' },
    small: { type: 'boolean', default: false },
    null: { type: 'boolean', default: false },
    'any-adapter': { type: 'boolean', default: false },
    torch: { type: 'string' },
    'no-torch': { type: 'boolean', default: false },
    peers: { type: 'string' },
    seconds: { type: 'string', default: '1' },
  },
});

function refuse(message: string): never {
  console.error(`gpu-run: ${message}`);
  process.exit(2);
}

const out = values.out ?? process.env.OUT ?? refuse('give a folder for the results: --out FOLDER, or OUT');
const budget = values.budget === undefined ? Infinity : Number(values.budget);
if (!(budget > 0)) refuse(`--budget is seconds above 0, got "${values.budget}"`);
if (values.part !== undefined && !['1', '2', '3'].includes(values.part)) refuse(`--part is 1, 2 or 3`);
const wanted = values.steps?.split(',');
const unknown = wanted?.find((name) => !GPU_STEPS.some((step) => step.name === name));
if (unknown !== undefined) refuse(`no step "${unknown}". Steps: ${GPU_STEPS.map(({ name }) => name).join(', ')}`);
const steps = GPU_STEPS.filter(
  ({ name, part }) =>
    (wanted?.includes(name) ?? true) &&
    (values.part === undefined || part === Number(values.part) || name === 'device'),
);
const flags = [
  ...(values.small ? ['--small'] : []),
  ...(values.null ? ['--null'] : []),
  ...(values['any-adapter'] ? ['--any-adapter'] : []),
  ...(values['no-torch'] ? ['--no-torch'] : []),
  ...(values.torch === undefined ? [] : ['--torch', values.torch]),
  ...(values.peers === undefined ? [] : ['--peers', values.peers]),
  '--seconds',
  values.seconds,
];
const isCut = values.small || values.null;
const failures = await runSteps({ steps, out, budget, flags, isCut });
process.exitCode = failures > 0 ? 1 : 0;

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, tableLines } from '../print-report.ts';
import type { GpuStep, StepResult } from './step.ts';

/** Which steps to run, and how long all of them may take. */
export interface StepsOptions {
  readonly steps: readonly Pick<GpuStep, 'name' | 'what' | 'seconds'>[];
  /** Folder of the results; made. */
  readonly out: string;
  /** Seconds in all; a step that the rest does not suffice for is skipped, and named. */
  readonly budget: number;
  /** Passed on to each step. */
  readonly flags: readonly string[];
  /** The steps are small ones: their times on a large GPU say nothing. */
  readonly isCut: boolean;
  /** The script that runs one step; run-step beside this file by default. */
  readonly script?: string;
}

/** What became of a step. */
interface Outcome {
  readonly name: string;
  readonly seconds: number;
  readonly verdict: string;
  readonly isFailed: boolean;
  readonly lines: readonly string[];
}

/** Seconds that a step which is over its time gets to write down what it has. */
const GRACE = 5;
/** Of a step's messages, what is kept with a result that it did not finish. */
const LOG_LENGTH = 1500;

/**
 * Runs steps, each in a process of its own that leaves `NAME.json`, and writes `table.txt` anew after each: whatever ends a
 * step (an error, a crash of the driver, its time) ends that step only.
 *
 * @returns how many failed
 */
export async function runSteps(options: StepsOptions): Promise<number> {
  const { steps, out, budget, isCut } = options;
  const start = performance.now();
  mkdirSync(out, { recursive: true });
  for (const { name } of steps) rmSync(join(out, `${name}.json`), { force: true }); // of an earlier run
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const left = budget - GRACE - (performance.now() - start) / 1000;
    const [least, most] = isCut ? [1, Infinity] : step.seconds;
    if (left < least) outcomes.push(skip(out, step.name, `${figure(Math.max(0, left))} s left, it takes ${least}`));
    else {
      console.error(`== ${step.name}: ${step.what}`);
      outcomes.push(await runOne(options, step.name, Math.min(most, left)));
    }
    const { lines } = outcomes[outcomes.length - 1];
    if (lines.length > 0) console.error(lines.join('\n'));
    writeFileSync(join(out, 'table.txt'), `${tableOf(outcomes).join('\n')}\n`);
  }
  console.log(tableOf(outcomes).join('\n'));
  return outcomes.filter(({ isFailed }) => isFailed).length;
}

function skip(out: string, name: string, reason: string): Outcome {
  const verdict = `skipped: ${reason}`;
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify({ step: name, skipped: reason }, null, 2)}\n`);
  return { name, seconds: 0, verdict, isFailed: false, lines: [] };
}

async function runOne({ out, flags, script }: StepsOptions, name: string, limit: number): Promise<Outcome> {
  const own = fileURLToPath(import.meta.url);
  const beside = script ?? join(own, `../run-step${extname(own)}`);
  const start = performance.now();
  const args = [beside, '--step', name, '--out', out, '--limit', String(limit), ...flags];
  const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    log = (log + chunk.toString()).slice(-LOG_LENGTH);
  });
  let isOver = false;
  const timer = Number.isFinite(limit)
    ? setTimeout(
        () => {
          isOver = true;
          child.kill('SIGKILL');
        },
        (limit + GRACE) * 1000,
      )
    : undefined;
  const ended = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  clearTimeout(timer);
  const seconds = (performance.now() - start) / 1000;
  const file = join(out, `${name}.json`);
  const result = readResult(file);
  if (result?.complete) {
    const { fault, skipped, lines } = result;
    const verdict = fault ? `FAILED: ${fault}` : skipped ? `skipped: ${skipped}` : 'done';
    return { name, seconds, verdict, isFailed: fault !== null, lines };
  }
  const fault = isOver ? `ended after ${figure(seconds)} s, its time was up` : `ended by itself: ${ended}`;
  const found = { step: name, ...result, complete: false, seconds, fault, log };
  writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
  return { name, seconds, verdict: `FAILED: ${fault}`, isFailed: true, lines: [] };
}

function readResult(file: string): (StepResult & { readonly complete: boolean }) | undefined {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as StepResult & { readonly complete: boolean };
}

function tableOf(outcomes: readonly Outcome[]): string[] {
  return [
    ...outcomes.flatMap(({ name, lines }) => (lines.length > 0 ? [`-- ${name}`, ...lines, ''] : [])),
    ...tableLines(
      ['step', 's', ''],
      outcomes.map(({ name, seconds, verdict }) => [name, figure(seconds), verdict]),
      3,
    ),
  ];
}

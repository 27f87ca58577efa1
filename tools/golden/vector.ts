import { LayerloomError, RuleError } from '../../runtime/errors.ts';
import type { Part } from './parts.ts';

/** What all vectors of `test/golden/files.md` have in common. */
export interface Vector {
  readonly name: string;
  readonly rule?: string;
  readonly also?: readonly string[];
  readonly text?: string;
  readonly base64?: string;
  readonly parts?: readonly Part[];
}

/** How one vector, or one valid file, came out. */
export interface Outcome {
  readonly id: string;
  readonly kind: string;
  readonly isOk: boolean;
  /** What was compared: `rule`, or the tensor that is wrong. */
  readonly output: string;
  readonly got: string;
  readonly wanted: string;
}

/** Bounds of one vector. */
export interface VectorLimits {
  /** Most processor time, seconds; five times as much on the clock, for machines that do other work. Default 2. */
  readonly maxSeconds?: number;
  /** Most growth of the process's memory, bytes, above four times the input. Default 96 MiB. */
  readonly maxGrowthBytes?: number;
}

/** One line of the runner: `ok|FAIL id kind output got wanted`. */
export function outcomeLine({ id, kind, isOk, output, got, wanted }: Outcome): string {
  return `${isOk ? 'ok  ' : 'FAIL'} ${id} ${kind} ${output} ${got} ${wanted}`;
}

/**
 * Runs a vector that must be refused: with a RuleError of code `code` whose rule is the vector's or one of its `also`
 * (`png-ok` there means that accepting is as good), in time and memory.
 */
export async function expectRefusal(
  vector: Vector,
  id: string,
  kind: string,
  code: string,
  inputBytes: number,
  run: () => Promise<unknown>,
  limits: VectorLimits = {},
): Promise<Outcome> {
  const wanted = [vector.rule ?? '?', ...(vector.also ?? [])];
  const { value, error, excess } = await bounded(run, inputBytes, limits);
  let got = 'accepted';
  let isOk = value !== undefined && wanted.includes('png-ok');
  if (error !== undefined) {
    got = nameOf(error);
    isOk = error instanceof RuleError && error.code === code && wanted.includes(error.rule);
    // the message must stand on its own: it says what is wrong, in one line
    if (error instanceof RuleError && (error.message.length < 12 || error.message.includes('\n'))) {
      isOk = false;
      got += ' with a poor message';
    }
  }
  if (excess !== undefined) return { id, kind, isOk: false, output: 'bounds', got: excess, wanted: 'bounded' };
  return { id, kind, isOk, output: 'rule', got, wanted: wanted.join('|') };
}

/** Runs a check that must go through: `run` returns undefined, or what is wrong. */
export async function expectAcceptance(
  id: string,
  kind: string,
  inputBytes: number,
  run: () => Promise<{ output: string; got: string; wanted: string } | undefined>,
  limits: VectorLimits = {},
): Promise<Outcome> {
  const { value, error, excess } = await bounded(run, inputBytes, limits);
  if (error !== undefined) return { id, kind, isOk: false, output: 'reading', got: nameOf(error), wanted: 'accepted' };
  if (excess !== undefined) return { id, kind, isOk: false, output: 'bounds', got: excess, wanted: 'bounded' };
  return value === undefined
    ? { id, kind, isOk: true, output: 'contents', got: 'equal', wanted: 'equal' }
    : { id, kind, isOk: false, ...value };
}

function nameOf(error: unknown): string {
  if (error instanceof RuleError) return `${error.code}:${error.rule}`.replace(/^E_[A-Z]+:/, '');
  if (error instanceof LayerloomError) return `${error.code} without a rule`;
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 120) : String(error);
}

interface Bounded<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  /** Which bound was broken. */
  readonly excess: string | undefined;
}

async function bounded<T>(run: () => Promise<T>, inputBytes: number, limits: VectorLimits): Promise<Bounded<T>> {
  const maxSeconds = limits.maxSeconds ?? 2;
  const maxGrowth = (limits.maxGrowthBytes ?? 96 << 20) + 4 * inputBytes;
  // the highest memory so far, in KiB: what a vector adds to it is at most what it really took
  const before = process.resourceUsage().maxRSS;
  const start = performance.now();
  const cpu = process.cpuUsage();
  let value: T | undefined;
  let error: unknown;
  try {
    value = await run();
  } catch (caught) {
    error = caught ?? new Error('undefined was thrown');
  }
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = Math.max((user + system) / 1e6, wall / 5);
  const growth = (process.resourceUsage().maxRSS - before) * 1024;
  let excess: string | undefined;
  if (seconds > maxSeconds) excess = `${seconds.toFixed(2)} s of ${maxSeconds}`;
  else if (growth > maxGrowth) excess = `${Math.round(growth / 2 ** 20)} MiB of ${Math.round(maxGrowth / 2 ** 20)}`;
  return { value, error, excess };
}

import type { DeviceTier } from '../../runtime/device.ts';
import { UsageError } from '../../runtime/errors.ts';
import type { BoundResult } from './compare.ts';
import type { GoldenPrecision } from './contract.ts';
import { runFiles } from './files.ts';
import { findCaseFolders } from './golden-cases.ts';
import { openGoldenKinds } from './kinds.ts';
import type { GoldenKinds } from './kinds.ts';
import { runCases } from './run.ts';
import type { CaseResult } from './run.ts';
import type { Outcome } from './vector.ts';

/** Arguments of `golden`. */
export interface GoldenArguments {
  /** Folders that hold `cases/`. */
  readonly roots: readonly string[];
  /** Folders of valid and hostile files (`golden/files.md`), run before the roots. */
  readonly files?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
  readonly filter?: string | undefined;
  readonly kind?: string | undefined;
  readonly precision?: GoldenPrecision | undefined;
  /** Kernels of one tier only. T2 computes products in f16, so its precision is f16. */
  readonly tier?: DeviceTier | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a command writes: results as lines on `out`, explanations on `err`. */
export interface CommandOutput {
  out(line: string): void;
  err(line: string): void;
}

/**
 * Runs golden cases and folders of files, and prints one line a case or vector, `ok|FAIL id kind worst-output value bound`,
 * then `N passed, N failed`; with `json` one JSON document instead.
 *
 * @param openKinds handlers to use; all of the engine's by default
 * @returns whether everything passed
 * @throws UsageError for a root without cases, or if nothing matches
 */
export async function goldenCommand(
  args: GoldenArguments,
  output: CommandOutput,
  openKinds: (tier?: DeviceTier) => GoldenKinds = openGoldenKinds,
): Promise<boolean> {
  const { roots, files = [], json = false } = args;
  if (roots.length === 0 && files.length === 0) {
    throw new UsageError('golden: name at least one folder that holds "cases", or --files with folders of files.');
  }
  const folders: string[] = [];
  for (const root of roots) folders.push(...(await findCaseFolders(root)));
  const outcomes = await fileOutcomes(files, args, output);
  const results = folders.length === 0 ? [] : await caseResults(folders, args, output, openKinds);
  const count = results.length + outcomes.length;
  if (count === 0) throw new UsageError('golden: nothing matches. Look at --filter and --kind.');
  const passed = results.filter(({ ok }) => ok).length + outcomes.filter(({ isOk }) => isOk).length;
  const failed = count - passed;
  if (json) {
    const cases = [...outcomes.map(outcomeJson), ...results.map(caseJson)];
    output.out(JSON.stringify({ passed, failed, cases }, null, 2));
  } else output.out(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

async function caseResults(
  folders: readonly string[],
  args: GoldenArguments,
  output: CommandOutput,
  openKinds: (tier?: DeviceTier) => GoldenKinds,
): Promise<CaseResult[]> {
  const { filter, kind, signal, tier } = args;
  const precision = tier === 'T2' ? 'f16' : (args.precision ?? 'f32');
  const kinds = openKinds(tier);
  const results: CaseResult[] = [];
  try {
    for await (const result of runCases(folders, { handlers: kinds.handlers, precision, filter, kind, signal })) {
      results.push(result);
      if (args.json === true) continue;
      output.out(caseLine(result));
      for (const line of explain(result)) output.err(line);
    }
  } finally {
    await kinds.close();
  }
  return results;
}

async function fileOutcomes(
  files: readonly string[],
  { filter, kind, json }: GoldenArguments,
  output: CommandOutput,
): Promise<readonly Outcome[]> {
  if (files.length === 0) return [];
  const { outcomes } = await runFiles(files, {
    ...(filter === undefined ? {} : { filter }),
    ...(kind === undefined ? {} : { kinds: [kind] }),
    ...(json === true ? {} : { onLine: (line: string) => output.out(line) }),
  });
  return outcomes;
}

/** `ok|FAIL id kind worst-output value bound`. */
export function caseLine({ ok, id, kind, worst }: CaseResult): string {
  return [ok ? 'ok' : 'FAIL', id, kind, worst.output, show(worst.value), show(worst.bound)].join(' ');
}

function caseJson(result: CaseResult): Readonly<Record<string, unknown>> {
  const { ok, id, kind, root, worst, results, error, seconds } = result;
  return {
    status: ok ? 'ok' : 'FAIL',
    id,
    kind,
    root,
    worst: boundJson(worst),
    outputs: results.map(boundJson),
    ...(error === undefined ? {} : { error }),
    seconds: Number(seconds.toFixed(3)),
  };
}

function outcomeJson({ isOk, id, kind, output, got, wanted }: Outcome): Readonly<Record<string, unknown>> {
  return { status: isOk ? 'ok' : 'FAIL', id, kind, worst: { output, value: got, bound: wanted, ok: isOk } };
}

/** JSON has no Infinity and NaN: they are written as words. */
function boundJson({ output, check, value, bound, ok }: BoundResult): Readonly<Record<string, unknown>> {
  const number = (x: number | string): number | string => (Number.isFinite(x) ? x : String(x));
  return { output, check, value: number(value), bound: number(bound), ok };
}

/** Lines below a failure: the handler's error, or every bound that does not hold. */
function explain({ ok, error, results }: CaseResult): string[] {
  if (ok) return [];
  if (error !== undefined) return [`  ${error}`];
  return results
    .filter((result) => !result.ok)
    .map(({ output, check, value, bound }) => `  ${output}: ${check} ${show(value)}, bound ${show(bound)}`);
}

function show(value: number | string): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : value.toPrecision(3);
}

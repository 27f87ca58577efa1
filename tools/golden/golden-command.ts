import { UsageError } from '../../runtime/errors.ts';
import type { BoundResult } from './compare.ts';
import type { GoldenPrecision } from './contract.ts';
import { findCaseFolders } from './golden-cases.ts';
import { openGoldenKinds } from './kinds.ts';
import type { GoldenKinds } from './kinds.ts';
import { runCases } from './run.ts';
import type { CaseResult } from './run.ts';

/** Arguments of `golden`. */
export interface GoldenArguments {
  /** Folders that hold `cases/`. */
  readonly roots: readonly string[];
  readonly json?: boolean | undefined;
  readonly filter?: string | undefined;
  readonly kind?: string | undefined;
  readonly precision?: GoldenPrecision | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where a command writes: results as lines on `out`, explanations on `err`. */
export interface CommandOutput {
  out(line: string): void;
  err(line: string): void;
}

/**
 * Runs golden cases and prints one line a case, `ok|FAIL id kind worst-output value bound`, then `N passed, N failed`; with
 * `json` one JSON document instead.
 *
 * @param openKinds handlers to use; all of the engine's by default
 * @returns whether every case passed
 * @throws UsageError for a root without cases, or if no case matches
 */
export async function goldenCommand(
  args: GoldenArguments,
  output: CommandOutput,
  openKinds: () => GoldenKinds = openGoldenKinds,
): Promise<boolean> {
  if (args.roots.length === 0) throw new UsageError('golden: name at least one folder that holds "cases".');
  const folders: string[] = [];
  for (const root of args.roots) folders.push(...(await findCaseFolders(root)));
  const kinds = openKinds();
  const results: CaseResult[] = [];
  try {
    const { precision = 'f32', filter, kind, signal } = args;
    for await (const result of runCases(folders, { handlers: kinds.handlers, precision, filter, kind, signal })) {
      results.push(result);
      if (args.json === true) continue;
      output.out(caseLine(result));
      for (const line of explain(result)) output.err(line);
    }
  } finally {
    await kinds.close();
  }
  if (results.length === 0) throw new UsageError('golden: no case matches. Look at --filter and --kind.');
  const passed = results.filter(({ ok }) => ok).length;
  const failed = results.length - passed;
  if (args.json === true) output.out(JSON.stringify({ passed, failed, cases: results.map(caseJson) }, null, 2));
  else output.out(`${passed} passed, ${failed} failed`);
  return failed === 0;
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

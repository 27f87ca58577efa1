import { compareOutput, worstResult } from './compare.ts';
import type { BoundResult } from './compare.ts';
import type { GoldenContext, GoldenHandler, GoldenPrecision, GoldenTensor } from './contract.ts';
import { readCase, readCaseTensors } from './golden-cases.ts';
import type { CaseValue, GoldenCase } from './golden-cases.ts';

/** What became of one case. */
export interface CaseResult {
  readonly id: string;
  readonly kind: string;
  readonly root: string;
  readonly ok: boolean;
  /** The bound that was used most, or the first failure. */
  readonly worst: BoundResult;
  readonly results: readonly BoundResult[];
  /** Why there are no results: the handler's error, one line. */
  readonly error: string | undefined;
  readonly seconds: number;
}

/** Which cases run, and how. */
export interface RunOptions {
  readonly handlers: ReadonlyMap<string, GoldenHandler>;
  readonly precision: GoldenPrecision;
  /** Only cases whose id holds this text. */
  readonly filter?: string | undefined;
  /** Only cases of this kind. */
  readonly kind?: string | undefined;
  /** Stops before the next case. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs the cases of a list of case folders one after the other. Never throws for a case: a fault is that case's result. */
export async function* runCases(folders: readonly string[], options: RunOptions): AsyncGenerator<CaseResult> {
  for (const folder of folders) {
    options.signal?.throwIfAborted();
    const start = performance.now();
    const seconds = (): number => (performance.now() - start) / 1000;
    let golden: GoldenCase;
    try {
      golden = await readCase(folder);
    } catch (error) {
      const name = folder.split(/[\\/]/).at(-1) ?? folder;
      if (options.kind === undefined && name.includes(options.filter ?? '')) {
        yield failedCase({ id: name, kind: '?', root: folder }, 'case', error, seconds());
      }
      continue;
    }
    if (!golden.id.includes(options.filter ?? '') || golden.kind !== (options.kind ?? golden.kind)) continue;
    yield await runCase(golden, options);
  }
}

/** Runs one case and compares its outputs. */
export async function runCase(
  golden: GoldenCase,
  options: Pick<RunOptions, 'handlers' | 'precision'>,
): Promise<CaseResult> {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const handler = options.handlers.get(golden.kind);
  if (handler === undefined) {
    return failedCase(golden, 'kind', new Error(`there is no handler for the kind "${golden.kind}"`), seconds());
  }
  try {
    const tensors = await readCaseTensors(golden);
    const outputs = await handler(contextOf(golden, tensors, options.precision));
    // Without a model there are no weights that f16 could round: the bounds of f32 hold.
    const precision = golden.modelDir === undefined ? 'f32' : options.precision;
    const results = golden.expect.flatMap(({ output, wanted, check }) =>
      compareOutput(output, outputs.get(output), valueOf(wanted, tensors), check, precision),
    );
    const worst = worstResult(results);
    if (worst === undefined) return failedCase(golden, 'case', new Error('nothing is expected'), seconds());
    const ok = results.every((result) => result.ok);
    const { id, kind, root } = golden;
    return { id, kind, root, ok, worst, results, error: undefined, seconds: seconds() };
  } catch (error) {
    return failedCase(golden, 'error', error, seconds());
  }
}

function contextOf(
  golden: GoldenCase,
  tensors: ReadonlyMap<string, GoldenTensor>,
  precision: GoldenPrecision,
): GoldenContext {
  return {
    input(name) {
      const value = golden.inputs.get(name);
      return value === undefined ? undefined : valueOf(value, tensors);
    },
    modelDir: golden.modelDir,
    precision,
    expected: new Set(golden.expect.map(({ output }) => output)),
  };
}

function valueOf(value: CaseValue, tensors: ReadonlyMap<string, GoldenTensor>): unknown {
  return 'tensor' in value ? tensors.get(value.tensor) : value.json;
}

function failedCase(
  { id, kind, root }: Pick<GoldenCase, 'id' | 'kind' | 'root'>,
  check: string,
  error: unknown,
  seconds: number,
): CaseResult {
  const message = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  const worst: BoundResult = { output: '-', check, value: check, bound: '-', ok: false, ratio: Infinity };
  return { id, kind, root, ok: false, worst, results: [worst], error: message, seconds };
}

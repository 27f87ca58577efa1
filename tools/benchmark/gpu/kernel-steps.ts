import type { KernelCase, OpCases } from '../../../kernels/cases.ts';
import { runSuite } from '../suite.ts';
import { KernelRun, makeCaseData, type BenchCase } from '../kernel-run.ts';
import { kernelLines } from '../print-report.ts';
import type { KernelRow } from '../report.ts';
import { faultOfRows, type StepContext, type StepResult } from './step.ts';

/** Checks and times cases of an op; those that the time does not suffice for are named. */
export async function measureCases(
  context: StepContext,
  op: OpCases,
  variants: 'chosen' | 'all' = 'all',
): Promise<StepResult> {
  const { engine, clock, keep, isLate, isNull } = context;
  const kernels: KernelRow[] = [];
  const skipped: string[] = [];
  let roofs = context.roofs;
  const abort = new AbortController();
  for (const testCase of op.cases) {
    if (abort.signal.aborted) {
      skipped.push(`${testCase.name}: the time was up`);
      continue;
    }
    try {
      const result = await runSuite(engine, {
        ops: [{ op: op.op, cases: [context.isSmall && !isNull ? withFewVariants(testCase) : testCase] }],
        caseText: '', // the case, whatever it was made for
        variants,
        clock,
        ...(roofs ? { roofs } : {}),
        maxReferenceFlops: Infinity,
        signal: abort.signal,
        onRow: (row) => {
          kernels.push(row);
          keep({ roofs, kernels, skipped });
          process.stderr.write(`${row.op} ${row.case} [${row.variant}]${row.fault && !isNull ? ' WRONG' : ''}\n`);
          if (isLate()) abort.abort();
        },
      });
      roofs = result.roofs;
      skipped.push(...result.skipped);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      skipped.push(`${testCase.name}: some variants, the time was up`);
    }
  }
  return {
    fault: faultOfRows(kernels, context),
    lines: [
      ...(isNull ? [`compiled: ${kernels.filter(({ error }) => error !== null).length} of ${kernels.length}`] : []),
      ...(isNull ? [] : kernelLines(kernels)),
      ...skipped.map((line) => `skipped ${line}`),
    ],
    data: { roofs, kernels, skipped },
  };
}

/** Variants of a case in a dry run on a CPU driver, which takes seconds to compile each. */
const FEW = 4;

/** A case with the planner's choice and a few of the other variants, from all over the list. */
function withFewVariants(testCase: BenchCase): BenchCase {
  return {
    ...testCase,
    variants: (facts) => {
      const names = testCase.variants(facts);
      const every = Math.ceil(names.length / FEW);
      return names.filter((_, i) => i % every === 0);
    },
  };
}

/**
 * Test cases of ops, in every variant, against their f64 references. A case of each op in turns, so that a run that is cut
 * short has seen something of all.
 *
 * @param most cases of an op at most
 */
export async function checkCases(
  context: StepContext,
  ops: readonly OpCases[],
  most: number = Infinity,
): Promise<StepResult> {
  const wrong: string[] = [];
  const counts = { checked: 0, left: 0 };
  for (const { op, testCase } of inTurns(context, ops, most))
    for (const variant of testCase.variants(context.engine.facts)) {
      if (context.isLate()) {
        counts.left++;
        continue;
      }
      counts.checked++;
      const fault = await checkOne(context, op, testCase, variant);
      if (fault) wrong.push(`${op} ${testCase.name} [${variant}]: ${fault}`);
      if (fault || counts.checked % 20 === 0) context.keep({ ...counts, wrong });
    }
  const { checked, left } = counts;
  return {
    fault: wrong.length > 0 ? `${wrong.length} of ${checked} kernels are wrong or do not compile` : null,
    lines: [
      `${checked - wrong.length} of ${checked} right${left > 0 ? `; ${left} more were not tried, the time was up` : ''}`,
      ...wrong.slice(0, 20),
    ],
    data: { ...counts, wrong },
  };
}

function* inTurns(
  { engine }: StepContext,
  ops: readonly OpCases[],
  most: number,
): Generator<{ op: string; testCase: KernelCase }> {
  const lists = ops.map(({ op, cases }) => ({
    op,
    cases: cases.filter(({ benchOnly, skip }) => !benchOnly && !skip?.(engine.facts)).slice(0, most),
  }));
  const longest = Math.max(...lists.map(({ cases }) => cases.length));
  for (let i = 0; i < longest; i++)
    for (const { op, cases } of lists) if (i < cases.length) yield { op, testCase: cases[i] };
}

/** What is wrong with a variant of a case. @throws DeviceError if the device is lost */
async function checkOne(
  { engine, isNull }: StepContext,
  op: string,
  testCase: KernelCase,
  variant: string,
): Promise<string | null> {
  try {
    const run = await KernelRun.compile(engine, testCase.plan(engine.facts, variant));
    try {
      const { fault } = await run.check(engine, makeCaseData(engine, op, testCase, variant), testCase.tolerance);
      return isNull ? null : fault;
    } finally {
      run.dispose();
      engine.pool.trim();
    }
  } catch (error) {
    engine.assertUsable();
    return error instanceof Error ? error.message : String(error);
  }
}

import type { OpCases } from '../../kernels/cases.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../../runtime/engine.ts';
import { DispatchClock, DEFAULT_CLOCK, type ClockOptions } from './dispatch-clock.ts';
import { KernelRun, makeCaseData, type BenchCase, type CaseData } from './kernel-run.ts';
import type { KernelRow, Roofs } from './report.ts';
import { measureRoofs, shareOfRoof } from './roofs.ts';
import type { Spread } from './statistics.ts';

/** A user's own implementation of an op, and where it came from. */
export interface UserVariant {
  readonly op: string;
  readonly name: string;
  readonly source: string;
  /** A plan for a case of ours by its name, or undefined where the variant cannot run it. */
  readonly planFor: (caseName: string, facts: Engine['facts'], ours: KernelPlan) => KernelPlan | undefined;
}

/** What to measure and how. */
export interface SuiteOptions {
  readonly ops: readonly OpCases[];
  /** Only cases whose name has this text; absent: those made for the bench, or all of an op that has none. */
  readonly caseText?: string;
  /** `chosen`: the planner's own; `all`: whatever runs. */
  readonly variants: 'chosen' | 'all';
  readonly userVariants?: readonly UserVariant[];
  readonly clock?: ClockOptions;
  /** Roofs measured before; absent: they are measured first. */
  readonly roofs?: Roofs;
  /** Operations of a case at most that is checked against a whole f64 reference. */
  readonly maxReferenceFlops?: number;
  /** Times the encoding of one dispatch, in microseconds. */
  readonly hostTime?: (encode: () => void) => Promise<Spread>;
  readonly onRow?: (row: KernelRow) => void;
  readonly signal?: AbortSignal;
}

/** What a suite found. */
export interface SuiteResult {
  readonly clock: 'timestamp' | 'wall';
  readonly roofs: Roofs;
  readonly kernels: readonly KernelRow[];
  /** Cases that were left out, and why. */
  readonly skipped: readonly string[];
}

/** About 10 s of JavaScript. */
const MAX_REFERENCE_FLOPS = 6e9;

/**
 * Checks and times kernels, one after the other: each against its f64 reference first, and only then against the clock.
 *
 * @throws DeviceError if the device is lost; a kernel that does not compile is a row with a fault
 */
export async function runSuite(engine: Engine, options: SuiteOptions): Promise<SuiteResult> {
  const clock = new DispatchClock(engine);
  const kernels: KernelRow[] = [];
  const skipped: string[] = [];
  try {
    const roofs =
      options.roofs ?? (await measureRoofs(engine, clock, { ...(options.clock ?? DEFAULT_CLOCK), minSamples: 3 }));
    for (const { op, cases } of options.ops)
      for (const testCase of chooseCases(cases, options.caseText)) {
        const reason = reasonToSkip(engine, testCase, options.maxReferenceFlops ?? MAX_REFERENCE_FLOPS);
        if (reason) skipped.push(`${op}: ${testCase.name}: ${reason}`);
        else for (const row of await benchCase(engine, { op, testCase, clock, roofs, options })) kernels.push(row);
      }
    return { clock: clock.kind, roofs, kernels, skipped };
  } finally {
    clock.dispose();
  }
}

/** Shapes made for the bench; an op without any is measured on its largest case. */
function chooseCases(cases: readonly BenchCase[], text: string | undefined): readonly BenchCase[] {
  if (text !== undefined) return cases.filter(({ name }) => name.includes(text));
  const made = cases.filter(({ benchOnly }) => benchOnly);
  return made.length > 0 ? made : cases.slice(-1);
}

function reasonToSkip({ facts }: Engine, testCase: BenchCase, maxFlops: number): string | undefined {
  const reason = testCase.skip?.(facts);
  if (reason) return reason;
  const [variant] = testCase.variants(facts);
  if (variant === undefined) return 'no variant runs on this device';
  const { flops, bytes, bindings } = testCase.plan(facts, variant);
  const largest = Math.max(...bindings.map(({ byteLength }) => byteLength));
  if (largest > facts.limits.maxStorageBufferBindingSize)
    return `binds ${largest} bytes, this device at most ${facts.limits.maxStorageBufferBindingSize}`;
  if (!testCase.sample && Math.max(flops, 16 * bytes) > maxFlops)
    return `an f64 reference of ${(flops / 1e9).toFixed(0)} GFLOP takes too long; G1 to G3 check such shapes by samples`;
  return undefined;
}

interface CaseRun {
  readonly op: string;
  readonly testCase: BenchCase;
  readonly clock: DispatchClock;
  readonly roofs: Roofs;
  readonly options: SuiteOptions;
}

async function benchCase(engine: Engine, run: CaseRun): Promise<KernelRow[]> {
  const { op, testCase, options } = run;
  const { facts } = engine;
  const names = testCase.variants(facts);
  const chosen = names[0];
  const rows: KernelRow[] = [];
  const add = async (plan: KernelPlan, data: CaseData, source: string, isChosen: boolean): Promise<void> => {
    options.signal?.throwIfAborted();
    const row = await benchPlan(engine, run, { plan, data, source, chosen: isChosen });
    rows.push(row);
    options.onRow?.(row);
  };
  const data = makeCaseData(engine, op, testCase, chosen);
  // Variants share inputs and reference, which take seconds, unless the case's functions look at the variant.
  const isShared = testCase.inputs.length < 3 && testCase.expected.length < 2;
  for (const name of options.variants === 'all' ? names : [chosen])
    await add(
      testCase.plan(facts, name),
      isShared || name === chosen ? data : makeCaseData(engine, op, testCase, name),
      'layerloom',
      name === chosen,
    );
  for (const variant of options.userVariants ?? []) {
    if (variant.op !== op) continue;
    const plan = variant.planFor(testCase.name, facts, testCase.plan(facts, chosen));
    if (plan) await add({ ...plan, variant: variant.name }, data, variant.source, false);
  }
  return rows;
}

async function benchPlan(
  engine: Engine,
  { op, testCase, clock, roofs, options }: CaseRun,
  { plan, data, source, chosen }: { plan: KernelPlan; data: CaseData; source: string; chosen: boolean },
): Promise<KernelRow> {
  const { flops, bytes, variant } = plan;
  const row = { op, case: testCase.name, variant, source, chosen, flops, bytes };
  const empty = { error: null, time: null, hostUs: null, compileMs: null, gflops: null, gbs: null, roof: null };
  let run: KernelRun;
  try {
    run = await KernelRun.compile(engine, plan);
  } catch (error) {
    engine.assertUsable(); // a lost device ends the run, a bad kernel does not
    return { ...row, ...empty, fault: error instanceof Error ? error.message : String(error) };
  }
  try {
    const { fault, error, firstMs } = await run.check(engine, data, testCase.tolerance);
    if (fault) return { ...row, ...empty, error, fault };
    const time = await clock.measure(run.program, options.clock);
    const usesMatrix = plan.sources.some((text) => text.includes('chromium_experimental_subgroup_matrix'));
    return {
      ...row,
      fault,
      error,
      time,
      hostUs: (await options.hostTime?.(() => encodeOnce(engine, run))) ?? null,
      compileMs: run.pipelineMs + Math.max(0, firstMs - time.p50),
      gflops: flops / time.p50 / 1e6,
      gbs: bytes / time.p50 / 1e6,
      roof: shareOfRoof(plan, time.p50, roofs, usesMatrix),
    };
  } finally {
    run.dispose();
    engine.pool.trim();
  }
}

/** One pass with one dispatch, finished and thrown away: what JavaScript pays, without any work for the device. */
function encodeOnce(engine: Engine, run: KernelRun): void {
  const encoder = engine.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  run.program.encodeStep(pass, 0);
  pass.end();
  encoder.finish();
}

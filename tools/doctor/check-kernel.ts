import { decodeWords, describeMismatch } from '../../kernels/case-check.ts';
import { seededRandom, seedOf } from '../../kernels/case-random.ts';
import type { KernelCase, OpCases } from '../../kernels/cases.ts';
import type { Engine } from '../../runtime/engine.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { Value } from '../../runtime/program/plan.ts';
import { compileProgram } from '../../runtime/program/program.ts';

/** How one kernel did on this device. */
export interface KernelCheck {
  readonly op: string;
  readonly case: string;
  readonly variant: string;
  /** What is wrong with the result, or null. */
  readonly fault: string | null;
  readonly durationMs: number;
}

/** Work of a check at most: a tenth of a second on a software driver, most of it compiling. */
const MAX_FLOPS = 2e6;

/**
 * Runs the largest small case of an op that the device can run, in the planner's own variant, against its f64
 * reference.
 */
export async function checkKernel(engine: Engine, { op, cases }: OpCases): Promise<KernelCheck> {
  const { facts } = engine;
  let chosen: { testCase: KernelCase; variant: string; flops: number } | undefined;
  for (const testCase of cases) {
    if (testCase.benchOnly || testCase.skip?.(facts)) continue;
    const [variant] = testCase.variants(facts);
    const { flops } = testCase.plan(facts, variant);
    if (flops <= MAX_FLOPS && flops > (chosen?.flops ?? -1)) chosen = { testCase, variant, flops };
  }
  if (!chosen) return { op, case: '', variant: '', fault: 'no case runs on this device', durationMs: 0 };
  const { testCase, variant } = chosen;
  const start = performance.now();
  const fault = (await runCase(engine, op, testCase, variant)) ?? null;
  return { op, case: testCase.name, variant, fault, durationMs: performance.now() - start };
}

async function runCase(engine: Engine, op: string, testCase: KernelCase, variant: string): Promise<string | undefined> {
  const plan = testCase.plan(engine.facts, variant);
  const inputs = testCase.inputs(seededRandom(seedOf(`${op}/${testCase.name}`)), engine.facts, variant);
  const builder = new ProgramBuilder(engine.facts, `doctor: ${op}`);
  const operands: Value[] = plan.bindings.map(({ name, byteLength }) =>
    builder.state(name, 'u32', [Math.max(1, Math.ceil(byteLength / 4))]),
  );
  builder.segment('run', () => builder.dispatch(plan, operands));
  const program = await compileProgram(engine, builder.finish());
  try {
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    program.run();
    for (const [name, { dtype, values, tolerance = testCase.tolerance }] of Object.entries(
      testCase.expected(inputs, variant),
    )) {
      const words = (await program.read(name)) as Uint32Array;
      const mismatch = describeMismatch(decodeWords(words, dtype, values.length), values, tolerance);
      if (mismatch) return `${name}: ${mismatch}`;
    }
    return undefined;
  } finally {
    program.dispose();
  }
}

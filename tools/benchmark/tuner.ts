import { planFillRandom } from '../../kernels/fill-random/fill-random.ts';
import { tuningKey, type TuningTable } from '../../kernels/tuning.ts';
import type { Engine } from '../../runtime/engine.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram } from '../../runtime/program/program.ts';
import { DispatchClock, type ClockOptions } from './dispatch-clock.ts';
import { KernelRun } from './kernel-run.ts';
import { errorOf } from './statistics.ts';
import type { TuneTarget } from './tune-targets.ts';

export { blockTargets } from './tune-targets.ts';

/** What the tuner measured for one shape class. */
export interface TuneResult {
  readonly op: string;
  readonly shapeClass: string;
  /** Milliseconds by variant, fastest first; a variant whose result differs has none. */
  readonly times: readonly { readonly variant: string; readonly ms: number | null }[];
  readonly chosen: string;
}

/** A candidate takes the planner's own choice's place where it is faster by more than this. */
const GAIN = 0.03;
/** Three runs of each: seconds in all. */
const CLOCK: ClockOptions = { seconds: 0.02, minSamples: 3, maxSamples: 5 };
/** Bytes of a result that are compared, from the start. */
const COMPARED = 256 * 1024;
/** Largest difference between candidates: another order of the sum in f32. */
const DIFFERENCE = 1e-4;

/**
 * Times all candidates of each target on random data made on the device, and gives the table of those that beat the
 * planner's choice. A candidate that does not compile, or whose result differs from that of the planner's choice, is out.
 */
export async function tune(
  engine: Engine,
  targets: readonly TuneTarget[],
  onResult?: (result: TuneResult) => void,
): Promise<{ readonly table: TuningTable; readonly results: readonly TuneResult[] }> {
  const clock = new DispatchClock(engine);
  const table: Record<string, string> = {};
  const results: TuneResult[] = [];
  try {
    for (const target of targets) {
      const key = tuningKey(target.op, target.shapeClass);
      if (results.some((result) => tuningKey(result.op, result.shapeClass) === key)) continue;
      const result = await tuneOne(engine, clock, target);
      results.push(result);
      if (result.chosen !== target.variants[0]) table[key] = result.chosen;
      onResult?.(result);
    }
  } finally {
    clock.dispose();
  }
  return { table, results };
}

async function tuneOne(engine: Engine, clock: DispatchClock, target: TuneTarget): Promise<TuneResult> {
  const times: { variant: string; ms: number | null }[] = [];
  let expected: Float32Array | undefined;
  for (const variant of target.variants) {
    let ms: number | null = null;
    try {
      const run = await KernelRun.compile(engine, target.plan(variant));
      try {
        await fillInputs(engine, run);
        run.program.run();
        const result = await readStart(engine, run);
        expected ??= result;
        if (errorOf(result, expected).max <= (target.difference ?? DIFFERENCE))
          ms = (await clock.measure(run.program, CLOCK)).p50;
      } finally {
        run.dispose();
        engine.pool.trim();
      }
    } catch {
      engine.assertUsable(); // a lost device ends the tuning, a kernel that does not compile is only out
    }
    times.push({ variant, ms });
  }
  const own = times[0].ms ?? Infinity;
  const sorted = [...times].sort((a, b) => (a.ms ?? Infinity) - (b.ms ?? Infinity));
  const [best] = sorted;
  const isBetter = best.ms !== null && best.ms < own * (1 - GAIN);
  return {
    op: target.op,
    shapeClass: target.shapeClass,
    times: sorted,
    chosen: isBetter ? best.variant : target.variants[0],
  };
}

/** Random values in every binding that is read: small f16 pairs are ordinary numbers as f32 too. */
async function fillInputs(engine: Engine, { plan, program }: KernelRun): Promise<void> {
  for (const [index, { name, access, byteLength }] of plan.bindings.entries()) {
    if (access !== 'read') continue;
    const words = Math.ceil(byteLength / 4);
    const builder = new ProgramBuilder(engine.facts, 'tuner: inputs');
    const out = builder.state('out', 'u32', [words]);
    const fill = planFillRandom(engine.facts, { words, dtype: 'f16', seed: index + 1, scale: 1 });
    builder.segment('fill', () => builder.dispatch(fill, [out]));
    const filling = await compileProgram(engine, builder.finish(), { bind: { out: program.share(name) } });
    filling.run();
    filling.dispose();
  }
}

async function readStart(engine: Engine, { plan, program }: KernelRun): Promise<Float32Array> {
  const output = plan.bindings[plan.bindings.length - 1];
  const bytes = Math.min(output.byteLength, COMPARED);
  return new Float32Array(await engine.read(program.bufferOf(output.name), 0, bytes));
}

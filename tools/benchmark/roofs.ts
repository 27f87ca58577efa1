import { seededRandom } from '../../kernels/case-random.ts';
import { matrixUnit } from '../../kernels/matrix-unit.ts';
import { planMatrixProbe } from '../../kernels/probe/probe-matrix.ts';
import { COPY_PROBE_VARIANTS, FMA_PROBE_VARIANTS, planCopyProbe, planFmaProbe } from '../../kernels/probe/probe.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../../runtime/engine.ts';
import type { ClockOptions, DispatchClock } from './dispatch-clock.ts';
import { KernelRun } from './kernel-run.ts';
import type { KernelRow, Roofs } from './report.ts';

/** Bytes of each side of the copy: far beyond every cache, and within every device's binding limit. */
const COPY_BYTES = { software: 64 * 1024 * 1024, gpu: 120 * 1024 * 1024 } as const;
/** Lanes and rounds of the arithmetic probe: about 50 ms on a CPU core, and 4 waves of a large GPU. */
const FMA_SIZE = {
  software: { invocations: 2 ** 13, rounds: 512 },
  gpu: { invocations: 2 ** 20, rounds: 2048 },
} as const;

/** Subgroups and rounds of the matrix probe: about as long as the arithmetic one. */
const MATRIX_SIZE = {
  software: { workgroups: 16, rounds: 512 },
  gpu: { workgroups: 2 ** 13, rounds: 4096 },
} as const;

/**
 * A probe that takes a CPU driver longer than PATIENCE_MS at one PART-th of its size stays that small. Browsers bring such
 * drivers: seconds for 64 MiB, so slow that neither memory nor the cost of a dispatch is what bounds them.
 */
const PART = 16;
const PATIENCE_MS = 50;
const ONE_SAMPLE: ClockOptions = { seconds: 0, minSamples: 1, maxSamples: 1 };

/**
 * Measures what the device reaches at most: memory by a copy, arithmetic by chains of multiply-adds in registers; of each
 * the best variant's best tenth, since a roof is what nothing goes beyond.
 */
export async function measureRoofs(engine: Engine, clock: DispatchClock, options: ClockOptions): Promise<Roofs> {
  const { facts } = engine;
  const units = Math.floor(Math.min(COPY_BYTES[facts.kind], facts.limits.maxStorageBufferBindingSize) / 16);
  const fmaSize = FMA_SIZE[facts.kind];
  const matrixSize = MATRIX_SIZE[facts.kind];
  const best = async (probes: readonly Probe[], work: (plan: KernelPlan) => number): Promise<number> => {
    let highest = 0;
    for (const probe of probes) {
      const small = facts.kind === 'software' ? probe(PART) : undefined;
      const isSlow = small && (await timeOf(engine, clock, ONE_SAMPLE, small)) > PATIENCE_MS;
      const plan = isSlow ? small : probe(1);
      highest = Math.max(highest, work(plan) / (await timeOf(engine, clock, options, plan)) / 1e6);
    }
    return highest;
  };
  return {
    copyGbs: await best(
      COPY_PROBE_VARIANTS.map((variant) => (part) => planCopyProbe(facts, Math.floor(units / part), variant)),
      ({ bytes }) => bytes,
    ),
    fmaGflops: await best(
      FMA_PROBE_VARIANTS.map(
        (variant) => (part) => planFmaProbe(facts, { ...fmaSize, rounds: fmaSize.rounds / part }, variant),
      ),
      ({ flops }) => flops,
    ),
    matrixGflops: matrixUnit(facts, 'f16')
      ? await best(
          [(part) => planMatrixProbe(facts, { ...matrixSize, rounds: matrixSize.rounds / part })],
          ({ flops }) => flops,
        )
      : null,
  };
}

/** A probe of one `part`-th of its size. */
type Probe = (part: number) => KernelPlan;

async function timeOf(engine: Engine, clock: DispatchClock, options: ClockOptions, plan: KernelPlan): Promise<number> {
  const run = await KernelRun.compile(engine, plan);
  try {
    // Ordinary numbers: zeros and denormals run at other speeds on some machines.
    const random = seededRandom(1);
    for (const { name, access, byteLength } of plan.bindings)
      if (access === 'read') run.program.write(name, random.floats(Math.min(byteLength / 4, 2 ** 20)));
    run.program.run();
    await engine.idle();
    return (await clock.measure(run.program, options)).p10;
  } finally {
    run.dispose();
  }
}

/**
 * Share of the roof that bounds a kernel: the roof is the larger of the times that its operations and its bytes need at
 * least. Products that run on the matrix unit are held against that unit.
 */
export function shareOfRoof(
  { flops, bytes }: Pick<KernelPlan, 'flops' | 'bytes'>,
  timeMs: number,
  roofs: Roofs,
  usesMatrix: boolean,
): KernelRow['roof'] {
  if (!(timeMs > 0) || (flops === 0 && bytes === 0)) return null;
  const memoryMs = bytes / roofs.copyGbs / 1e6;
  const onMatrix = usesMatrix && roofs.matrixGflops !== null;
  const arithmeticMs = flops / (onMatrix ? (roofs.matrixGflops ?? Infinity) : roofs.fmaGflops) / 1e6;
  if (memoryMs >= arithmeticMs) return { bound: 'memory', share: memoryMs / timeMs };
  return { bound: onMatrix ? 'matrix' : 'arithmetic', share: arithmeticMs / timeMs };
}

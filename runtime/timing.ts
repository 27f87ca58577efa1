import { BUFFER_USAGE } from './constants.ts';
import type { Engine } from './engine.ts';
import { DeviceError } from './errors.ts';
import type { Program } from './program/program.ts';

/** GPU time of one dispatch. */
export interface DispatchTiming {
  readonly op: string;
  readonly variant: string;
  readonly segment: string;
  readonly durationMs: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Dispatches per query set: WebGPU allows 4,096 queries, two a dispatch. */
const PER_SET = 2048;

/**
 * Replays segments with each dispatch in a pass of its own and returns their GPU times by timestamp queries.
 *
 * Passes cost a little more than dispatches in one pass, so sums run slightly above an unprofiled replay.
 *
 * @throws DeviceError `missing-feature` without `timestamp-query`
 */
export async function profileProgram(
  engine: Engine,
  program: Program,
  segments?: readonly string[],
): Promise<DispatchTiming[]> {
  if (!engine.device.features.has('timestamp-query'))
    throw new DeviceError('missing-feature', `profile: adapter "${engine.info.description}" lacks "timestamp-query".`);
  const names = segments ?? program.plan.segments.map((segment) => segment.name);
  const indices = names.flatMap((name) => {
    const [start, end] = program.rangeOf(name);
    return Array.from({ length: end - start }, (_, i) => start + i);
  });
  const timings: DispatchTiming[] = [];
  for (let from = 0; from < indices.length; from += PER_SET)
    timings.push(...(await profileSlice(engine, program, indices.slice(from, from + PER_SET))));
  return timings;
}

async function profileSlice(engine: Engine, program: Program, indices: readonly number[]): Promise<DispatchTiming[]> {
  const { device } = engine;
  const querySet = device.createQuerySet({ type: 'timestamp', count: indices.length * 2 });
  const size = indices.length * 16;
  const resolved = engine.pool.track(
    device.createBuffer({ size, usage: BUFFER_USAGE.QUERY_RESOLVE | BUFFER_USAGE.COPY_SRC, label: 'timestamps' }),
  );
  try {
    const encoder = device.createCommandEncoder({ label: 'profile' });
    indices.forEach((index, i) => {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
      });
      program.encodeStep(pass, index);
      pass.end();
    });
    encoder.resolveQuerySet(querySet, 0, indices.length * 2, resolved, 0);
    engine.submit([encoder.finish()]);
    const stamps = new BigUint64Array(await engine.read(resolved, 0, size));
    return indices.map((index, i) => {
      const { plan, segment } = program.plan.dispatches[index];
      const durationMs = Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6;
      return { op: plan.op, variant: plan.variant, segment, durationMs, flops: plan.flops, bytes: plan.bytes };
    });
  } finally {
    engine.pool.destroy(resolved);
    querySet.destroy();
  }
}

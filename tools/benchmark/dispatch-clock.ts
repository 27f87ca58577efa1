import { BUFFER_USAGE } from '../../runtime/constants.ts';
import type { Engine } from '../../runtime/engine.ts';
import type { Program } from '../../runtime/program/program.ts';
import { spreadOf, type Spread } from './statistics.ts';

/** How long to measure. */
export interface ClockOptions {
  /** Seconds of samples for each kernel. */
  readonly seconds: number;
  /** Samples at least and at most. */
  readonly minSamples: number;
  readonly maxSamples: number;
}

export const DEFAULT_CLOCK: ClockOptions = { seconds: 1, minSamples: 5, maxSamples: 50 };

/**
 * Least milliseconds of one sample. A sample is one pass with as many dispatches as fill it: on a CPU driver single
 * short runs jump by the scheduler's ticks, on a GPU by the granularity of its clock and the gap between passes.
 */
const SAMPLE_MS = { software: 20, gpu: 2 } as const;
const MAX_DISPATCHES = 1024;

/**
 * Times the first dispatch of a program: milliseconds of one run, out of passes of back-to-back runs.
 *
 * By timestamp queries around a pass; by the wall clock, wait included, where the device has none.
 */
export class DispatchClock {
  readonly kind: 'timestamp' | 'wall';
  readonly #engine: Engine;
  readonly #queries: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    const { device } = engine;
    this.kind = device.features.has('timestamp-query') ? 'timestamp' : 'wall';
    if (this.kind === 'wall') return;
    this.#queries = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = engine.pool.track(
      device.createBuffer({
        size: 16,
        usage: BUFFER_USAGE.QUERY_RESOLVE | BUFFER_USAGE.COPY_SRC,
        label: 'bench: timestamps',
      }),
    );
  }

  /** Samples a program that has run before, so that nothing is compiled while the clock runs. */
  async measure(program: Program, options: ClockOptions = DEFAULT_CLOCK): Promise<Spread> {
    const single = await this.#sample(program, 1);
    const wanted = Math.ceil(SAMPLE_MS[this.#engine.facts.kind] / Math.max(single, 1e-4));
    const dispatches = Math.min(MAX_DISPATCHES, Math.max(1, wanted));
    if (dispatches > 1) await this.#sample(program, dispatches); // warm
    const samples: number[] = [];
    const end = performance.now() + options.seconds * 1000;
    while (samples.length < options.maxSamples && (samples.length < options.minSamples || performance.now() < end))
      samples.push((await this.#sample(program, dispatches)) / dispatches);
    return spreadOf(samples);
  }

  /** Milliseconds of `dispatches` runs in one pass. */
  async #sample(program: Program, dispatches: number): Promise<number> {
    const engine = this.#engine;
    const encoder = engine.device.createCommandEncoder({ label: 'bench' });
    const queries = this.#queries;
    const pass = encoder.beginComputePass(
      queries && {
        timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
      },
    );
    for (let i = 0; i < dispatches; i++) program.encodeStep(pass, 0);
    pass.end();
    if (queries && this.#resolved) encoder.resolveQuerySet(queries, 0, 2, this.#resolved, 0);
    const commands = encoder.finish();
    const start = performance.now();
    engine.submit([commands]);
    if (!this.#resolved) {
      await engine.idle();
      return performance.now() - start;
    }
    const stamps = new BigUint64Array(await engine.read(this.#resolved, 0, 16));
    return Number(stamps[1] - stamps[0]) / 1e6;
  }

  dispose(): void {
    this.#queries?.destroy();
    if (this.#resolved) this.#engine.pool.destroy(this.#resolved);
  }
}

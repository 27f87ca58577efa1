import { accumulate } from '../../runtime/ops/accumulate.ts';
import { copyRows } from '../../runtime/ops/copy-rows.ts';
import { meanDifferences } from '../../runtime/ops/mean-differences.ts';
import { scaleAdd } from '../../runtime/ops/scale-add.ts';
import type { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { TokenRange } from '../tokens/token-plan.ts';
import type { Calibrator } from './contract.ts';

/** What one branch's cache program is recorded for. S_i, S_t tokens of width D. */
export interface CacheProgramSpec {
  readonly imgLen: number;
  readonly txtLen: number;
  readonly width: number;
  /** Ranges of image tokens whose difference is measured, each on its own; disjoint. */
  readonly measured: readonly TokenRange[];
  /** Ranges of image tokens that blocks or the head read after the middle blocks. */
  readonly reused: readonly TokenRange[];
  /** Whether blocks follow the middle ones: only then does anybody read the text stream. */
  readonly withText: boolean;
  readonly calibrator: Pick<Calibrator, 'slots' | 'mixes'>;
}

/** States that a pass of the transformer shares with its cache program. */
export const SHARED_STREAMS = { img: 'img', txt: 'txt' } as const;

/** States of a cache program. */
export const CACHE_STATES = {
  /** f32 [2 * measured]: mean |prev - r| and mean |prev| of each range. */
  means: 'means',
  /** f32: keep and weight of every accumulation, rewritten before a hit. */
  factors: 'factors',
} as const;

/** Segments of a cache program, and where the factors of its accumulations lie. */
export const CACHE_SEGMENTS = {
  /** Remembers the image stream before block 0. */
  mark: 'mark',
  /** Compares what the first blocks added with what they added at the last computed call. */
  measure: 'measure',
  /** Keeps what the first blocks added, and remembers the streams before the middle blocks. */
  keep: 'keep',
  /** Stores what the middle blocks added in a slot. */
  store: (slot: number) => `store.${slot}`,
  /** Adds a slot, times a factor, to the streams. */
  add: (slot: number) => `add.${slot}`,
  /** slot `into` = keep * itself + weight * slot `from`. */
  mix: (into: number, from: number) => `mix.${into}.${from}`,
} as const;

/** Element of the factors that holds `keep` of an accumulation (the next one holds its weight). */
export function factorIndexOf(spec: Pick<CacheProgramSpec, 'calibrator'>, segment: string): number {
  const { slots, mixes } = spec.calibrator;
  const names = [
    ...Array.from({ length: slots }, (_, slot) => CACHE_SEGMENTS.add(slot)),
    ...mixes.map(([into, from]) => CACHE_SEGMENTS.mix(into, from)),
  ];
  return 2 * names.indexOf(segment);
}

/** Numbers in the factors. */
export function factorCount(spec: Pick<CacheProgramSpec, 'calibrator'>): number {
  return 2 * (spec.calibrator.slots + spec.calibrator.mixes.length);
}

/** One stream as the cache sees it. */
interface Stream {
  readonly name: 'img' | 'txt';
  readonly value: Value;
  /** The stream at the last mark. */
  readonly marked: Value;
  readonly slots: readonly Value[];
  readonly ranges: readonly TokenRange[];
}

/**
 * Records what a step cache does on the device: copies, differences and sums over the residual streams of one branch.
 * The streams are states bound to those of the branch's pass. Only rows that somebody reads later are touched.
 */
export function recordCache(builder: ProgramBuilder, spec: CacheProgramSpec): void {
  const { imgLen, txtLen, width, measured } = spec;
  const { slots, mixes } = spec.calibrator;
  const stream = (name: 'img' | 'txt', length: number, ranges: readonly TokenRange[]): Stream => ({
    name,
    value: builder.state(SHARED_STREAMS[name], 'f32', [length, width]),
    marked: builder.state(`${name} marked`, 'f32', [length, width]),
    slots: Array.from({ length: slots }, (_, slot) =>
      builder.state(`${name} residual ${slot}`, 'f32', [length, width]),
    ),
    ranges,
  });
  const img = stream('img', imgLen, spec.reused);
  const streams = spec.withText ? [img, stream('txt', txtLen, [[0, txtLen]])] : [img];
  const previous = builder.state('img previous', 'f32', [imgLen, width]);
  const means = builder.state(CACHE_STATES.means, 'f32', [2 * measured.length]);
  const factors = builder.state(CACHE_STATES.factors, 'f32', [factorCount(spec)]);

  const copy = (x: Value, out: Value, ranges: readonly TokenRange[]): void => {
    for (const [start, end] of ranges)
      copyRows(builder, { x: builder.rows(x, start, end - start), out: builder.rows(out, start, end - start) });
  };
  /** out (or a temporary) = a - b on rows [start, end). */
  const subtract = (a: Value, b: Value, [start, end]: TokenRange, out?: Value): Value =>
    scaleAdd(builder, {
      a: builder.rows(a, start, end - start),
      b: builder.rows(b, start, end - start),
      beta: -1,
      ...(out ? { out: builder.rows(out, start, end - start) } : {}),
    });

  builder.segment(CACHE_SEGMENTS.mark, () => copy(img.value, img.marked, measured));
  builder.segment(CACHE_SEGMENTS.measure, () =>
    measured.forEach((range, i) =>
      meanDifferences(builder, {
        a: builder.rows(previous, range[0], range[1] - range[0]),
        b: subtract(img.value, img.marked, range),
        out: builder.rows(means, 2 * i, 2),
      }),
    ),
  );
  builder.segment(CACHE_SEGMENTS.keep, () => {
    for (const range of measured) subtract(img.value, img.marked, range, previous);
    for (const { value, marked, ranges } of streams) copy(value, marked, ranges);
  });
  for (let slot = 0; slot < slots; slot++) {
    builder.segment(CACHE_SEGMENTS.store(slot), () => {
      for (const { value, marked, slots: kept, ranges } of streams)
        for (const range of ranges) subtract(value, marked, range, kept[slot]);
    });
    const name = CACHE_SEGMENTS.add(slot);
    builder.segment(name, () => {
      for (const { value, slots: kept, ranges } of streams) sum(kept[slot], value, ranges, name);
    });
  }
  for (const [into, from] of mixes) {
    const name = CACHE_SEGMENTS.mix(into, from);
    builder.segment(name, () => {
      for (const { slots: kept, ranges } of streams) sum(kept[from], kept[into], ranges, name);
    });
  }

  /** y = keep y + weight x on the ranges, with the factors of a segment. */
  function sum(x: Value, y: Value, ranges: readonly TokenRange[], segment: string): void {
    for (const [start, end] of ranges)
      accumulate(builder, {
        x: builder.rows(x, start, end - start),
        y: builder.rows(y, start, end - start),
        factors,
        factorIndex: factorIndexOf(spec, segment),
      });
  }
}

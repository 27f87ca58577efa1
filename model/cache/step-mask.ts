import { ConfigError } from '../../runtime/errors.ts';

/** Step masks by name, from most to least computed. */
export const CACHE_PRESETS = ['slow', 'medium', 'fast', 'ultra'] as const;

/** Name of a step mask. */
export type CachePreset = (typeof CACHE_PRESETS)[number];

/** A step mask: 1 = compute, 0 = may be cached. */
export type StepMask = readonly (0 | 1)[];

type Bins = readonly [compute: readonly number[], cached: readonly number[]];

/*
 * Step masks of cache-dit 1.5.3 (`steps_mask`), as written down in golden/kinds-cache.md section 4. Bins are lengths of
 * alternating runs of computed and cached steps; the tables are cache-dit's for 28, 10..15, 9 and 8 steps.
 */
const FROM_16: Readonly<Record<CachePreset, Bins>> = {
  slow: [
    [8, 3, 3, 2, 1, 1],
    [1, 2, 2, 2, 3],
  ],
  medium: [
    [6, 2, 2, 2, 2, 1],
    [1, 3, 3, 3, 3],
  ],
  fast: [
    [6, 1, 1, 1, 1, 1],
    [1, 3, 4, 5, 4],
  ],
  ultra: [
    [4, 1, 1, 1, 1],
    [2, 5, 6, 7],
  ],
};
const FROM_10: Readonly<Record<CachePreset, Bins>> = {
  slow: [
    [4, 2, 2, 2, 1],
    [1, 1, 1, 1],
  ],
  medium: [
    [4, 2, 1, 1, 1],
    [1, 1, 2, 2],
  ],
  fast: [
    [3, 1, 1, 1, 1],
    [1, 2, 2, 3],
  ],
  ultra: [
    [2, 1, 1, 1, 1],
    [1, 2, 3, 3],
  ],
};
const AT_9: Readonly<Record<CachePreset, Bins>> = {
  slow: [[5, 2, 1], [1]],
  medium: [
    [5, 1, 1],
    [1, 1],
  ],
  fast: [
    [4, 1, 1],
    [1, 2],
  ],
  ultra: [
    [3, 1, 1],
    [2, 2],
  ],
};
const AT_8: Readonly<Record<CachePreset, Bins>> = {
  slow: [[5, 1, 1], [1]],
  medium: [
    [4, 1, 1],
    [1, 1],
  ],
  fast: [
    [3, 1, 1],
    [1, 2],
  ],
  ultra: [
    [2, 1, 1],
    [2, 2],
  ],
};
const AT_6: Bins = [[3, 1], [2]];
const AT_4: Bins = [[2, 1], [1]];

/** Step counts are scaled from the table of 28 steps. */
const TABLE_STEPS = 28;

/**
 * The mask of a preset for any number of steps that has one: 4, 6, and 8 on. The last step is always computed.
 *
 * @throws ConfigError `cache` for other step counts
 */
export function presetMask(preset: CachePreset, numSteps: number): StepMask {
  const bins = binsOf(preset, numSteps);
  const compute = [...bins[0]];
  const cached = [...bins[1]];
  if (numSteps > TABLE_STEPS) grow(compute, cached, bins, numSteps);
  shrink(compute, cached, numSteps);
  const mask = layOut(compute, cached, numSteps);
  mask[numSteps - 1] = 1;
  return mask;
}

/**
 * The mask of explicit bins: compute[0] ones, cached[0] zeros, compute[1] ones, ...
 *
 * @param numSteps cuts the mask; absent: as long as the bins
 * @throws ConfigError `cache` if the bins are shorter than `numSteps`
 */
export function binsMask(compute: readonly number[], cached: readonly number[], numSteps?: number): StepMask {
  for (const [name, bins] of [
    ['computeBins', compute],
    ['cacheBins', cached],
  ] as const)
    if (!bins.every((bin) => Number.isInteger(bin) && bin >= 0))
      throw new ConfigError(`cache: ${name} must be whole numbers of at least 0, got [${bins.join(', ')}].`, {
        rule: 'cache',
      });
  return layOut(compute, cached, numSteps ?? total(compute) + total(cached));
}

function binsOf(preset: CachePreset, numSteps: number): Bins {
  if (numSteps >= 16) return FROM_16[preset];
  if (numSteps >= 10) return FROM_10[preset];
  if (numSteps === 9) return AT_9[preset];
  if (numSteps === 8) return AT_8[preset];
  if (numSteps === 6) return AT_6;
  if (numSteps === 4) return AT_4;
  throw new ConfigError(
    `cache: preset "${preset}" needs 4, 6 or at least 8 steps, got ${numSteps}. Give a mask of your own, or turn caching off.`,
    { rule: 'cache' },
  );
}

/** Lengthens the bins by shares of the starting ones, in order, until they cover the steps. */
function grow(compute: number[], cached: number[], [compute0, cached0]: Bins, numSteps: number): void {
  const share = (numSteps / TABLE_STEPS) * 0.5;
  const isLong = (): boolean => total(compute) + total(cached) >= numSteps;
  while (!isLong()) {
    let i = 0;
    for (; i < cached0.length; i++) {
      compute[i] += Math.max(1, Math.floor(compute0[i] * share));
      if (isLong()) break;
      cached[i] += Math.max(1, Math.floor(cached0[i] * share));
      if (isLong()) break;
    }
    if (i === cached0.length) compute[compute.length - 1] += 1;
  }
}

/** Takes steps off the last bins, cached and computed in turn. */
function shrink(compute: number[], cached: number[], numSteps: number): void {
  for (let turn = 0; total(compute) + total(cached) > numSteps; turn++) {
    const bins = turn % 2 === 0 ? cached : compute;
    if (bins.length === 0) continue;
    bins[bins.length - 1] -= 1;
    if (bins[bins.length - 1] === 0) bins.pop();
  }
}

function layOut(compute: readonly number[], cached: readonly number[], numSteps: number): (0 | 1)[] {
  const mask: (0 | 1)[] = [];
  for (let i = 0; i < Math.max(compute.length, cached.length); i++) {
    mask.push(...new Array<1>(compute[i] ?? 0).fill(1), ...new Array<0>(cached[i] ?? 0).fill(0));
  }
  if (mask.length < numSteps)
    throw new ConfigError(`cache: the bins cover ${mask.length} steps, the run has ${numSteps}.`, { rule: 'cache' });
  return mask.slice(0, numSteps);
}

function total(bins: readonly number[]): number {
  return bins.reduce((sum, bin) => sum + bin, 0);
}

import { seededRandom } from '../../kernels/case-random.ts';
import type { MetricForm, Part } from './metric-table.ts';
import { figureOf } from './metric-table.ts';

/** A figure with its uncertainty. */
export interface Estimate {
  readonly value: number;
  /** Ends of the bootstrap 95 % interval. */
  readonly low: number;
  readonly high: number;
  /** Designs that it rests on. */
  readonly designs: number;
}

/** How often each design is drawn in each round: [rounds][designs]. */
export type Resamples = readonly Uint16Array[];

/**
 * Draws designs with replacement, once for all metrics. Designs and not layers are drawn, because layers of one design
 * are not independent.
 */
export function resample(designs: number, rounds: number, seed: number): Resamples {
  const random = seededRandom(seed);
  return Array.from({ length: rounds }, () => {
    const counts = new Uint16Array(designs);
    for (let i = 0; i < designs; i++) counts[random.integer(designs)]++;
    return counts;
  });
}

/**
 * A metric's figure and its 95 % interval (percentile bootstrap: Efron and Tibshirani, 1993, chapter 13).
 *
 * @param parts the metric's summed parts of each design; undefined where a design has none
 * @returns undefined if nothing was measured
 */
export function estimate(
  form: MetricForm,
  parts: readonly (Part | undefined)[],
  resamples: Resamples,
): Estimate | undefined {
  const measured = parts.flatMap((part, design) => (part ? [{ part, design }] : []));
  const value = figureOf(form, sumOf(measured.map(({ part }) => part)));
  if (value === undefined) return undefined;
  const figures: number[] = [];
  for (const counts of resamples) {
    let [sum, weight] = [0, 0];
    for (const { part, design } of measured) {
      sum += counts[design] * part[0];
      weight += counts[design] * part[1];
    }
    const figure = figureOf(form, [sum, weight]);
    if (figure !== undefined) figures.push(figure);
  }
  figures.sort((a, b) => a - b);
  const [low = value, high = value] = figures.length === 0 ? [] : [quantile(figures, 0.025), quantile(figures, 0.975)];
  return { value, low, high, designs: measured.length };
}

/** Sums parts. */
export function sumOf(parts: readonly Part[]): Part {
  let [sum, weight] = [0, 0];
  for (const part of parts) {
    sum += part[0];
    weight += part[1];
  }
  return [sum, weight];
}

/** Linear interpolation between order statistics (NumPy's default). */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

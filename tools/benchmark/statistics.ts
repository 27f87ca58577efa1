/** Spread of repeated measurements of one thing. */
export interface Spread {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  /** Samples. */
  readonly n: number;
}

/**
 * Percentiles of samples, linear between neighbours.
 *
 * @throws RangeError without samples: a figure out of nothing must not look measured
 */
export function spreadOf(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError('spread: no samples.');
  const sorted = [...samples].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), n: sorted.length };
}

/** Quantile `share` (0 to 1) of ascending values. */
export function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

/** Scales every percentile, as for another unit. */
export function scaleSpread({ p10, p50, p90, n }: Spread, factor: number): Spread {
  return { p10: p10 * factor, p50: p50 * factor, p90: p90 * factor, n };
}

/**
 * Standard error of the median, from the percentiles alone: 1.253 sigma / sqrt(n) for a normal distribution, whose sigma is
 * (p90 - p10) / 2.563. Timings have a longer tail than that, which only makes the estimate larger.
 */
export function medianError({ p10, p90, n }: Spread): number {
  return (1.253 * ((p90 - p10) / 2.563)) / Math.sqrt(n);
}

/** Geometric mean; NaN without values. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** How far a result is from its reference. */
export interface ResultError {
  /** max |actual - expected| / max |expected|. */
  readonly max: number;
  /** sqrt(sum (a - e)^2 / sum e^2). */
  readonly rms: number;
}

/** Compares element by element; a value that is not finite where it must be makes both errors infinite. */
export function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>): ResultError {
  let worst = 0;
  let largest = 0;
  let squares = 0;
  let norm = 0;
  if (actual.length !== expected.length) return { max: Infinity, rms: Infinity };
  for (let i = 0; i < expected.length; i++) {
    const e = expected[i];
    if (!Number.isFinite(e)) continue; // what a kernel must leave as it found it
    const difference = Math.abs(actual[i] - e);
    if (!Number.isFinite(difference)) return { max: Infinity, rms: Infinity };
    worst = Math.max(worst, difference);
    largest = Math.max(largest, Math.abs(e));
    squares += difference * difference;
    norm += e * e;
  }
  return { max: largest > 0 ? worst / largest : worst, rms: norm > 0 ? Math.sqrt(squares / norm) : Math.sqrt(squares) };
}

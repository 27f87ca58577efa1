/** One row of keep y + weight x in f64; with keep 0 the row y is not looked at. */
export function accumulateRow(
  y: ArrayLike<number>,
  x: ArrayLike<number>,
  factors: { readonly keep: number; readonly weight: number },
): Float64Array {
  const { keep, weight } = factors;
  return Float64Array.from(x, (value, c) => (keep === 0 ? 0 : keep * (y[c] ?? 0)) + weight * value);
}

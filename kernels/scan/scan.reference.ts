/** Largest finite magnitude and number of non-finite values among `values`. */
export function scanValues(values: Iterable<number>): { most: number; broken: number } {
  let most = 0;
  let broken = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) broken++;
    else if (Math.abs(value) > most) most = Math.abs(value);
  }
  return { most, broken };
}

/**
 * Softmax of one row in f64: exp(x - max) / sum over the columns that are seen, 0 in the others.
 *
 * @param isSeen whether the row sees a column
 */
export function softmaxRow(x: ArrayLike<number>, isSeen: (column: number) => boolean): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < x.length; c++) if (isSeen(c)) most = Math.max(most, x[c]);
  const y = new Float64Array(x.length);
  let sum = 0;
  for (let c = 0; c < x.length; c++) if (isSeen(c)) sum += y[c] = Math.exp(x[c] - most);
  return sum > 0 ? y.map((value) => value / sum) : y;
}

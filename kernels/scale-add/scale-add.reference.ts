/** One row of alpha a + beta b in f64. */
export function scaleAddRow(a: ArrayLike<number>, b: ArrayLike<number>, alpha: number, beta: number): Float64Array {
  return Float64Array.from(a, (value, c) => alpha * value + beta * (b[c] ?? 0));
}

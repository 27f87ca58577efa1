/** One row in f64: x plus the table's row, or x alone where there is none. */
export function addRow(x: ArrayLike<number>, added: ArrayLike<number> | undefined): Float64Array {
  return Float64Array.from(x, (value, c) => value + (added?.[c] ?? 0));
}

/** Row `id` of a table of values; NaN where the table has no such row. */
export function embeddingRow(
  table: ArrayLike<number>,
  id: number,
  vocab: number,
  start: number,
  columns: number,
): Float64Array {
  return Float64Array.from({ length: columns }, (_, c) => (id < vocab ? (table[start + c] ?? 0) : Number.NaN));
}

/** Which row of x lands in row r of y. */
export function sourceRow(r: number, index: ArrayLike<number> | undefined): number {
  return index === undefined ? r : (index[r] ?? 0);
}

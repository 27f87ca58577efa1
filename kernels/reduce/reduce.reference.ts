/** Sums of |a - b| and |a| in f64 over the elements of which `take` says yes, numbered row by row. */
export function absoluteSums(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  take: (element: number) => boolean,
): [apart: number, size: number] {
  let apart = 0;
  let size = 0;
  for (let e = 0; e < a.length; e++) {
    if (!take(e)) continue;
    apart += Math.abs((a[e] ?? 0) - (b[e] ?? 0));
    size += Math.abs(a[e] ?? 0);
  }
  return [apart, size];
}

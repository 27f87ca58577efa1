/** RMSNorm of one row in f64: x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019, arXiv 1910.07467, eq. 4). */
export function rmsNormRow(x: ArrayLike<number>, weight: ArrayLike<number>, eps: number): Float64Array {
  const y = new Float64Array(x.length);
  let squares = 0;
  for (let c = 0; c < x.length; c++) squares += (x[c] ?? 0) ** 2;
  const root = Math.sqrt(squares / x.length + eps);
  for (let c = 0; c < x.length; c++) y[c] = ((x[c] ?? 0) / root) * (weight[c] ?? 0);
  return y;
}

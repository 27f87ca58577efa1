/**
 * One row of adaLN in f64: (x - mean) / sqrt(var + eps) * (1 + scale) + shift, var over all elements (not n - 1)
 * (Ba et al. 2016, arXiv 1607.06450; modulation as in DiT, arXiv 2212.09748, section 3.2).
 */
export function layerNormModulateRow(
  x: ArrayLike<number>,
  shift: ArrayLike<number>,
  scale: ArrayLike<number>,
  eps: number,
): Float64Array {
  const n = x.length;
  let mean = 0;
  for (let c = 0; c < n; c++) mean += (x[c] ?? 0) / n;
  let variance = 0;
  for (let c = 0; c < n; c++) variance += ((x[c] ?? 0) - mean) ** 2 / n;
  const y = new Float64Array(n);
  for (let c = 0; c < n; c++)
    y[c] = (((x[c] ?? 0) - mean) / Math.sqrt(variance + eps)) * (1 + (scale[c] ?? 0)) + (shift[c] ?? 0);
  return y;
}

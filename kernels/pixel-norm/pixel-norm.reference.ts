/**
 * One pixel of the WAN VAE's RMS_norm in f64: torch's F.normalize over channels (x / max(|x|, 1e-12)) times
 * sqrt(channels) and gamma, then SiLU where asked.
 */
export function pixelNormRow(x: ArrayLike<number>, gamma: ArrayLike<number>, silu: boolean): Float64Array {
  const y = new Float64Array(x.length);
  let squares = 0;
  for (let c = 0; c < x.length; c++) squares += (x[c] ?? 0) ** 2;
  const length = Math.max(Math.sqrt(squares), 1e-12);
  for (let c = 0; c < x.length; c++) {
    const normed = ((x[c] ?? 0) / length) * Math.sqrt(x.length) * (gamma[c] ?? 0);
    y[c] = silu ? normed / (1 + Math.exp(-normed)) : normed;
  }
  return y;
}

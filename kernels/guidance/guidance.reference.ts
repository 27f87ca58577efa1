/**
 * One row of classifier-free guidance in f64: v = negative + scale (positive - negative) (Ho and Salimans 2022,
 * arXiv 2207.12598), and with `rescale` v |positive| / |v| over the row, as the Qwen-Image pipelines do per token.
 */
export function guidanceRow(
  positive: ArrayLike<number>,
  negative: ArrayLike<number>,
  scale: number,
  rescale: boolean,
): Float64Array {
  const v = Float64Array.from(positive, (towards, c) => {
    const away = negative[c] ?? 0;
    return away + scale * (towards - away);
  });
  if (!rescale) return v;
  const wanted = Math.hypot(...Array.from(positive));
  const length = Math.hypot(...v);
  return v.map((value) => (length === 0 ? 0 : (value * wanted) / length));
}

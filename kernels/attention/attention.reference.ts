/**
 * One row and head of softmax attention in f64 (Vaswani et al. 2017, arXiv 1706.03762, eq. 1): weights
 * exp(scale q.k - max) over the visible keys, divided by their sum, times the values. Zeros where no key is visible.
 *
 * @param q    [headDim]
 * @param keys k and v of each key, [headDim] each
 */
export function attentionRow(
  q: ArrayLike<number>,
  keys: readonly { readonly k: ArrayLike<number>; readonly v: ArrayLike<number> }[],
  scale: number,
  isVisible: (key: number) => boolean,
): Float64Array {
  const out = new Float64Array(q.length);
  const seen = keys.filter((_, index) => isVisible(index));
  const scores = seen.map(({ k }) => {
    let score = 0;
    for (let c = 0; c < q.length; c++) score += (q[c] ?? 0) * (k[c] ?? 0);
    return score * scale;
  });
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  seen.forEach(({ v }, index) => {
    for (let c = 0; c < q.length; c++) out[c] = (out[c] ?? 0) + ((weights[index] ?? 0) / sum) * (v[c] ?? 0);
  });
  return out;
}

/** log(sum_j exp(scale q.k_j)) over the visible keys, in f64; -3e38 where no key is visible. */
export function attentionLse(
  q: ArrayLike<number>,
  keys: readonly { readonly k: ArrayLike<number> }[],
  scale: number,
  isVisible: (key: number) => boolean,
): number {
  const scores = keys
    .filter((_, index) => isVisible(index))
    .map(({ k }) => scale * Array.from(q).reduce((sum, value, c) => sum + value * (k[c] ?? 0), 0));
  if (scores.length === 0) return -3e38;
  const most = scores.reduce((a, b) => Math.max(a, b));
  return most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
}

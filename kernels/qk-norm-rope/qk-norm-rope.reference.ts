/**
 * One head in f64: x / sqrt(mean(x^2) + eps) * weight if there is a weight, then each pair (a, b) becomes
 * (a cos - b sin, a sin + b cos) if there are angles (Su et al. 2021, arXiv 2104.09864, eq. 34). Pair k is (2k, 2k+1), or
 * (k, k + n/2) for `half` (GPT-NeoX and Qwen2 checkpoints).
 */
export function qkNormRopeHead(
  x: ArrayLike<number>,
  norm: { readonly weight: ArrayLike<number>; readonly eps: number } | undefined,
  rope: { readonly cos: ArrayLike<number>; readonly sin: ArrayLike<number>; readonly half: boolean } | undefined,
): Float64Array {
  const y = Float64Array.from(x);
  const n = y.length;
  if (norm) {
    const root = Math.sqrt(y.reduce((sum, value) => sum + value * value, 0) / n + norm.eps);
    for (let c = 0; c < n; c++) y[c] = ((y[c] ?? 0) / root) * (norm.weight[c] ?? 0);
  }
  if (rope) {
    for (let k = 0; k < n / 2; k++) {
      const i = rope.half ? k : 2 * k;
      const j = rope.half ? k + n / 2 : 2 * k + 1;
      const a = y[i] ?? 0;
      const b = y[j] ?? 0;
      const cos = rope.cos[k] ?? 0;
      const sin = rope.sin[k] ?? 0;
      y[i] = a * cos - b * sin;
      y[j] = a * sin + b * cos;
    }
  }
  return y;
}

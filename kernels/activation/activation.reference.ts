/** SiLU in f64: x sigmoid(x) (Elfwing et al. 2017, arXiv 1702.03118). */
export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/** GELU in f64 by the tanh formula (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2). */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

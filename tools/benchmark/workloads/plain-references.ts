/** Sum of count products, in f64. */
export function dotProduct(a: Float32Array, aAt: number, b: Float32Array, bAt: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[aAt + i] * b[bAt + i];
  return sum;
}

/** Operands of attention, heads side by side in rows of `width`. */
export interface AttentionOperands {
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly s: number;
  readonly width: number;
  readonly d: number;
}

/** One query row of one head: softmax(q k^T / sqrt(d)) v, in f64. */
export function attentionRow({ q, k, v, s, width, d }: AttentionOperands, token: number, head: number): Float64Array {
  const start = head * d;
  const logits = new Float64Array(s);
  let largest = -Infinity;
  for (let j = 0; j < s; j++) {
    let sum = 0;
    for (let c = 0; c < d; c++) sum += q[token * width + start + c] * k[j * width + start + c];
    logits[j] = sum / Math.sqrt(d);
    largest = Math.max(largest, logits[j]);
  }
  const out = new Float64Array(d);
  let total = 0;
  for (let j = 0; j < s; j++) {
    const weight = Math.exp(logits[j] - largest);
    total += weight;
    for (let c = 0; c < d; c++) out[c] += weight * v[j * width + start + c];
  }
  return out.map((value) => value / total);
}

/** Operands of a 3x3 convolution; see PeerTask. */
export interface ConvOperands {
  readonly x: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly h: number;
  readonly w: number;
  readonly cin: number;
  readonly cout: number;
}

/** Element `index` of the output [h, w, cout], in f64. */
export function convPixel({ x, weight, bias, h, w, cin, cout }: ConvOperands, index: number): number {
  const o = index % cout;
  const pixel = Math.floor(index / cout);
  const [row, column] = [Math.floor(pixel / w), pixel % w];
  let sum = bias[o];
  for (let dy = 0; dy < 3; dy++)
    for (let dx = 0; dx < 3; dx++) {
      const [y, z] = [row + dy - 1, column + dx - 1];
      if (y < 0 || y >= h || z < 0 || z >= w) continue;
      const from = (y * w + z) * cin;
      for (let c = 0; c < cin; c++) sum += x[from + c] * weight[((o * cin + c) * 3 + dy) * 3 + dx];
    }
  return sum;
}

/** LayerNorm(x) (1 + scale) + shift of one row, in f64. */
export function normModulateRow(
  x: ArrayLike<number>,
  shift: ArrayLike<number>,
  scale: ArrayLike<number>,
  eps: number,
): Float64Array {
  const count = x.length;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += x[i] / count;
  let variance = 0;
  for (let i = 0; i < count; i++) variance += (x[i] - mean) ** 2 / count;
  return Float64Array.from(
    { length: count },
    (_, i) => ((x[i] - mean) / Math.sqrt(variance + eps)) * (1 + scale[i]) + shift[i],
  );
}

/** RMSNorm with a weight, then rotation of adjacent pairs, of one head, in f64. */
export function rmsRopeHead(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  cos: ArrayLike<number>,
  sin: ArrayLike<number>,
  eps: number,
): Float64Array {
  const count = x.length;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += x[i] ** 2 / count;
  const factor = 1 / Math.sqrt(squares + eps);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const [a, b] = [x[i] * factor * weight[i], x[i + 1] * factor * weight[i + 1]];
    out[i] = a * cos[i / 2] - b * sin[i / 2];
    out[i + 1] = a * sin[i / 2] + b * cos[i / 2];
  }
  return out;
}

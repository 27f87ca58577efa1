import type { Conv2dOptions } from './conv2d.ts';

/** Operands of the reference, in f64: the weight in torch's order [outC, inC, kernel, kernel]. */
export interface Conv2dOperands {
  readonly input: ArrayLike<number>;
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  /** [outH, outW, outC] */
  readonly residual?: ArrayLike<number>;
}

/**
 * Convolution as torch defines it, in f64, of a picture [inH, inW, inC]: the doubled picture and the padded picture are
 * really made, then each output is a plain sum over its window.
 */
export function conv2dReference(options: Conv2dOptions, operands: Conv2dOperands): Float64Array {
  const { inH, inW, inC, outC, kernel, stride = 1, upsample = 1, silu = false } = options;
  const h = inH * upsample;
  const w = inW * upsample;
  // torch: Conv2d(padding=1) at stride 1; ZeroPad2d(left 0, right 1, top 0, bottom 1) before Conv2d(stride=2).
  const before = kernel === 3 && stride === 1 ? 1 : 0;
  const after = kernel === 3 ? 1 : 0;
  const paddedH = before + h + after;
  const paddedW = before + w + after;
  const padded = new Float64Array(paddedH * paddedW * inC);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      for (let c = 0; c < inC; c++)
        padded[((y + before) * paddedW + x + before) * inC + c] =
          operands.input[(Math.floor(y / upsample) * inW + Math.floor(x / upsample)) * inC + c];
  const outH = Math.floor((paddedH - kernel) / stride) + 1;
  const outW = Math.floor((paddedW - kernel) / stride) + 1;
  const out = new Float64Array(outH * outW * outC);
  for (let y = 0; y < outH; y++)
    for (let x = 0; x < outW; x++)
      for (let o = 0; o < outC; o++) {
        let sum = operands.bias[o];
        for (let c = 0; c < inC; c++)
          for (let ky = 0; ky < kernel; ky++)
            for (let kx = 0; kx < kernel; kx++)
              sum +=
                operands.weight[((o * inC + c) * kernel + ky) * kernel + kx] *
                padded[((y * stride + ky) * paddedW + x * stride + kx) * inC + c];
        if (silu) sum /= 1 + Math.exp(-sum);
        const index = (y * outW + x) * outC + o;
        out[index] = sum + (operands.residual?.[index] ?? 0);
      }
  return out;
}

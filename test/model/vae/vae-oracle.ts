import type { VaeConfig } from '../../../model/config/vae-config.ts';
import type { Planes } from '../../../model/vae/planes.ts';

/*
 * AutoencoderKLQwenImage for one frame in plain f64, planar, from the formulas of the published architecture and names of
 * the checkpoint only: nothing of the engine's code is used but types.
 */

/** A feature map [c][h * w]. */
interface Map2d {
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly data: Float64Array;
}

export interface OracleWeights {
  get(name: string): { readonly shape: readonly number[]; readonly data: ArrayLike<number> } | undefined;
}

export class VaeOracle {
  readonly #config: VaeConfig;
  readonly #weights: OracleWeights;

  constructor(config: VaeConfig, weights: OracleWeights) {
    this.#config = config;
    this.#weights = weights;
  }

  /** Normalised latents of a picture. */
  encode(pixels: Planes): Map2d {
    const { dimMult, numResBlocks, zDim, latentsMean, latentsStd } = this.#config;
    let x = this.#conv('encoder.conv_in', fromPlanes(pixels));
    let index = 0;
    for (let level = 0; level < dimMult.length; level++) {
      for (let i = 0; i < numResBlocks; i++) x = this.#residual(`encoder.down_blocks.${index++}`, x);
      if (level + 1 < dimMult.length) {
        // ZeroPad2d((0, 1, 0, 1)), then a convolution of stride 2 without padding.
        x = this.#conv(`encoder.down_blocks.${index++}.resample.1`, x, 2);
      }
    }
    x = this.#middle('encoder', x);
    x = this.#conv('encoder.conv_out', silu(this.#norm('encoder.norm_out', x)));
    x = this.#conv('quant_conv', x);
    const z = { ...x, c: zDim, data: x.data.slice(0, zDim * x.h * x.w) };
    for (let i = 0; i < z.data.length; i++) {
      const channel = Math.floor(i / (z.h * z.w));
      z.data[i] = (z.data[i] - latentsMean[channel]) / latentsStd[channel];
    }
    return z;
  }

  /** Clamped pixels of normalised latents. */
  decode(latents: Planes): Map2d {
    const { dimMult, numResBlocks, latentsMean, latentsStd } = this.#config;
    const z = fromPlanes(latents);
    for (let i = 0; i < z.data.length; i++) {
      const channel = Math.floor(i / (z.h * z.w));
      z.data[i] = z.data[i] * latentsStd[channel] + latentsMean[channel];
    }
    let x = this.#middle('decoder', this.#conv('decoder.conv_in', this.#conv('post_quant_conv', z)));
    for (let level = 0; level < dimMult.length; level++) {
      for (let i = 0; i <= numResBlocks; i++) x = this.#residual(`decoder.up_blocks.${level}.resnets.${i}`, x);
      if (level + 1 < dimMult.length) x = this.#conv(`decoder.up_blocks.${level}.upsamplers.0.resample.1`, doubled(x));
    }
    x = this.#conv('decoder.conv_out', silu(this.#norm('decoder.norm_out', x)));
    return { ...x, data: x.data.map((value) => Math.min(1, Math.max(-1, value))) };
  }

  #middle(side: string, x: Map2d): Map2d {
    const first = this.#residual(`${side}.mid_block.resnets.0`, x);
    return this.#residual(`${side}.mid_block.resnets.1`, this.#attention(`${side}.mid_block.attentions.0`, first));
  }

  #residual(prefix: string, x: Map2d): Map2d {
    const skip = this.#weights.get(`${prefix}.conv_shortcut.weight`) ? this.#conv(`${prefix}.conv_shortcut`, x) : x;
    const y = this.#conv(`${prefix}.conv1`, silu(this.#norm(`${prefix}.norm1`, x)));
    return sum(skip, this.#conv(`${prefix}.conv2`, silu(this.#norm(`${prefix}.norm2`, y))));
  }

  #attention(prefix: string, x: Map2d): Map2d {
    const qkv = this.#conv(`${prefix}.to_qkv`, this.#norm(`${prefix}.norm`, x)).data;
    const { c } = x;
    const n = x.h * x.w;
    const out = new Float64Array(c * n);
    for (let i = 0; i < n; i++) {
      const scores = Array.from({ length: n }, (_, j) => {
        let dot = 0;
        for (let k = 0; k < c; k++) dot += qkv[k * n + i] * qkv[(c + k) * n + j];
        return dot / Math.sqrt(c);
      });
      const top = Math.max(...scores);
      const shares = scores.map((score) => Math.exp(score - top));
      const total = shares.reduce((a, b) => a + b);
      for (let k = 0; k < c; k++) {
        let value = 0;
        for (let j = 0; j < n; j++) value += (shares[j] / total) * qkv[(2 * c + k) * n + j];
        out[k * n + i] = value;
      }
    }
    return sum(x, this.#conv(`${prefix}.proj`, { ...x, data: out }));
  }

  #norm(name: string, x: Map2d): Map2d {
    const gamma = this.#tensor(`${name}.gamma`).data;
    const n = x.h * x.w;
    const out = new Float64Array(x.data.length);
    for (let i = 0; i < n; i++) {
      let squares = 0;
      for (let k = 0; k < x.c; k++) squares += x.data[k * n + i] ** 2;
      const scale = Math.sqrt(x.c) / Math.max(Math.sqrt(squares), 1e-12);
      for (let k = 0; k < x.c; k++) out[k * n + i] = x.data[k * n + i] * scale * gamma[k];
    }
    return { ...x, data: out };
  }

  /** Causal 3-D weights are applied whole, to two frames of zeros and the picture: only the last tap can matter. */
  #conv(name: string, x: Map2d, stride: 1 | 2 = 1): Map2d {
    const { shape, data: weight } = this.#tensor(`${name}.weight`);
    const bias = this.#tensor(`${name}.bias`).data;
    const [outC, inC] = shape;
    const kernel = shape[shape.length - 1];
    const depth = shape.length === 5 ? shape[2] : 1;
    const frames = Array.from({ length: depth }, (_, t) => (t === depth - 1 ? x.data : undefined));
    const before = kernel === 3 && stride === 1 ? 1 : 0;
    const after = kernel === 3 ? 1 : 0;
    const h = Math.floor((x.h + before + after - kernel) / stride) + 1;
    const w = Math.floor((x.w + before + after - kernel) / stride) + 1;
    const out = new Float64Array(outC * h * w);
    for (let o = 0; o < outC; o++)
      for (let y = 0; y < h; y++)
        for (let column = 0; column < w; column++) {
          let value = bias[o];
          for (let c = 0; c < inC; c++)
            for (const [t, frame] of frames.entries()) {
              if (!frame) continue;
              for (let ky = 0; ky < kernel; ky++)
                for (let kx = 0; kx < kernel; kx++) {
                  const sy = y * stride + ky - before;
                  const sx = column * stride + kx - before;
                  if (sy < 0 || sx < 0 || sy >= x.h || sx >= x.w) continue;
                  const at = (((o * inC + c) * depth + t) * kernel + ky) * kernel + kx;
                  value += weight[at] * frame[(c * x.h + sy) * x.w + sx];
                }
            }
          out[(o * h + y) * w + column] = value;
        }
    return { c: outC, h, w, data: out };
  }

  #tensor(name: string): { readonly shape: readonly number[]; readonly data: ArrayLike<number> } {
    const tensor = this.#weights.get(name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    return tensor;
  }
}

function fromPlanes({ channels, height, width, data }: Planes): Map2d {
  return { c: channels, h: height, w: width, data: Float64Array.from(data) };
}

function silu(x: Map2d): Map2d {
  return { ...x, data: x.data.map((value) => value / (1 + Math.exp(-value))) };
}

function sum(a: Map2d, b: Map2d): Map2d {
  return { ...a, data: a.data.map((value, index) => value + b.data[index]) };
}

function doubled(x: Map2d): Map2d {
  const [h, w] = [2 * x.h, 2 * x.w];
  const data = new Float64Array(x.c * h * w);
  for (let c = 0; c < x.c; c++)
    for (let y = 0; y < h; y++)
      for (let column = 0; column < w; column++)
        data[(c * h + y) * w + column] = x.data[(c * x.h + (y >> 1)) * x.w + (column >> 1)];
  return { c: x.c, h, w, data };
}

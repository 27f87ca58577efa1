import { attention } from '../../runtime/ops/attention.ts';
import type { ResidualSpec } from './structure.ts';
import { asMatrix, convolve, makePicture, type Picture, type PixelNorm, type PictureContext } from './picture.ts';

/** Work of one attention dispatch at most: queries are cut into chunks, so that no dispatch keeps a device busy for long. */
const FLOPS_PER_DISPATCH = { gpu: 2e11, software: 1e9 } as const;

/** Widest head of the fused attention kernel. Published VAEs have 384 channels there. */
const WIDEST_FUSED = 512;

/** Temporal taps of the checkpoint's 3 x 3 weights. (Those of 1 x 1 have one tap, which is the 2-D weight.) */
export const DEPTH = 3;

/** R: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x)))))). The shortcut is 1x1 where channels change, else x itself. */
export function residualBlock(context: PictureContext, x: Picture, spec: ResidualSpec, keepAs?: string): Picture {
  const { prefix, inC, outC } = spec;
  const skip = inC === outC ? x : convolve(context, x, { name: `${prefix}.conv_shortcut`, inC, outC, kernel: 1 });
  const norm = (name: string): PixelNorm => ({ name: `${prefix}.${name}`, gammaRank: 4, silu: true });
  const y = convolve(
    context,
    x,
    { name: `${prefix}.conv1`, inC, outC, kernel: 3, depth: DEPTH },
    { norm: norm('norm1') },
  );
  return convolve(
    context,
    y,
    { name: `${prefix}.conv2`, inC: outC, outC, kernel: 3, depth: DEPTH },
    { norm: norm('norm2'), residual: skip, ...(keepAs !== undefined && { keepAs }) },
  );
}

/**
 * A: x + proj(attention(norm(x))): one head as wide as the picture has channels, every pixel attending to all. Quadratic
 * in pixels (16,384^2 for a picture of 1024 x 1024); scores are never stored.
 */
export function attentionBlock(context: PictureContext, x: Picture, prefix: string, keepAs?: string): Picture {
  const { builder } = context;
  const { channels } = x;
  const pixels = x.height * x.width;
  const qkv = asMatrix(
    builder,
    convolve(
      context,
      x,
      { name: `${prefix}.to_qkv`, inC: channels, outC: 3 * channels, kernel: 1 },
      { norm: { name: `${prefix}.norm`, gammaRank: 3, silu: false } },
    ),
  );
  const [q, k, v] = [0, 1, 2].map((part) => builder.columns(qkv, part * channels, channels));
  const attended = makePicture(builder, x, `${prefix}.attended`);
  const out = asMatrix(builder, attended);
  const perRow = 4 * pixels * channels;
  const chunk = Math.max(8, Math.floor(FLOPS_PER_DISPATCH[builder.facts.kind] / perRow / 8) * 8);
  for (let start = 0; start < pixels; start += chunk) {
    const count = Math.min(chunk, pixels - start);
    attention(builder, {
      q: builder.rows(q, start, count),
      k,
      v,
      heads: 1,
      out: builder.rows(out, start, count),
      ...(channels > WIDEST_FUSED && { form: 'three-pass' as const }),
    });
  }
  return convolve(
    context,
    attended,
    { name: `${prefix}.proj`, inC: channels, outC: channels, kernel: 1 },
    { residual: x, ...(keepAs !== undefined && { keepAs }) },
  );
}

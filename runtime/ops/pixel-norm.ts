import { planPixelFactors } from '../../kernels/pixel-norm/pixel-norm-factors.ts';
import { planPixelNorm } from '../../kernels/pixel-norm/pixel-norm.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * y = x / max(|x|, 1e-12) * sqrt(C) * gamma, per row (pixel), with SiLU if wanted.
 * x f32 [pixels, C] (windows allowed), gamma f32 [C] -> f32 [pixels, C].
 */
export function pixelNorm(
  builder: ProgramBuilder,
  args: { x: Value; gamma: Value; silu?: boolean; out?: Value },
): Value {
  const op = 'pixel_norm';
  const { x, gamma, silu = false } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [pixels, channels] = x.shape;
  requireShape(op, 'gamma', gamma, [channels]);
  const out = args.out ?? builder.temp('f32', [pixels, channels], op);
  requireShape(op, 'out', out, [pixels, channels]);
  builder.dispatch(planPixelNorm(builder.facts, { pixels, channels, silu, x: viewOf(x), y: viewOf(out) }), [
    x,
    gamma,
    out,
  ]);
  return out;
}

/**
 * y = sqrt(C) / max(|x|, 1e-12), per row (pixel): what a convolution needs that normalises its input as it reads it.
 * x f32 [pixels, C] (windows allowed) -> f32 [pixels].
 */
export function pixelFactors(builder: ProgramBuilder, x: Value): Value {
  const op = 'pixel_norm';
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [pixels, channels] = x.shape;
  const out = builder.temp('f32', [pixels], 'pixel factors');
  builder.dispatch(planPixelFactors(builder.facts, { pixels, channels, x: viewOf(x), yOffset: out.offset }), [x, out]);
  return out;
}

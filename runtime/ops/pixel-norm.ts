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

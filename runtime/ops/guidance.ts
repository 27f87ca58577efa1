import { planGuidance } from '../../kernels/guidance/guidance.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * y = negative + scale (positive - negative); with `rescale` each row gets the positive row's L2 norm back.
 * All f32 [rows, channels] (windows allowed).
 */
export function guidance(
  builder: ProgramBuilder,
  args: { positive: Value; negative: Value; scale: number; rescale: boolean; out?: Value },
): Value {
  const op = 'guidance';
  const { positive, negative, scale, rescale } = args;
  requireDType(op, 'positive', positive, 'f32');
  requireShape(op, 'positive', positive, [-1, -1]);
  requireDType(op, 'negative', negative, 'f32');
  requireShape(op, 'negative', negative, positive.shape);
  const [rows, channels] = positive.shape;
  const out = args.out ?? builder.temp('f32', [rows, channels], op);
  requireShape(op, 'out', out, positive.shape);
  const plan = planGuidance(builder.facts, {
    rows,
    channels,
    scale,
    rescale,
    positive: viewOf(positive),
    negative: viewOf(negative),
    y: viewOf(out),
  });
  builder.dispatch(plan, [positive, negative, out]);
  return out;
}

import { planRmsNorm } from '../../kernels/rms-norm/rms-norm.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** y = x / sqrt(mean(x^2) + eps) * weight, per row. x f32 [rows, D] (windows allowed), weight f32 [D] -> f32 [rows, D]. */
export function rmsNorm(builder: ProgramBuilder, args: { x: Value; weight: Value; eps: number; out?: Value }): Value {
  const op = 'rms_norm';
  const { x, weight, eps } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  requireShape(op, 'weight', weight, [columns]);
  const out = args.out ?? builder.temp('f32', [rows, columns], op);
  requireShape(op, 'out', out, [rows, columns]);
  builder.dispatch(planRmsNorm(builder.facts, { rows, columns, eps, x: viewOf(x), y: viewOf(out) }), [x, weight, out]);
  return out;
}

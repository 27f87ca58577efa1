import { planActivation, type ActivationKind } from '../../kernels/activation/activation.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * y = f(x) elementwise, or silu(x) * up for `silu_mul`. All f32 [rows, columns] (windows allowed).
 *
 * @param args.up the other factor; with `silu_mul` only
 */
export function activation(
  builder: ProgramBuilder,
  args: { kind: ActivationKind; x: Value; up?: Value; out?: Value },
): Value {
  const op = 'activation';
  const { kind, x, up } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  if ((kind === 'silu_mul') !== (up !== undefined))
    throw new ShapeError(`${op}: "up" belongs to silu_mul, got kind "${kind}".`);
  if (up) requireShape(op, 'up', up, x.shape);
  const [rows, columns] = x.shape;
  const out = args.out ?? builder.temp('f32', [rows, columns], kind);
  requireShape(op, 'out', out, x.shape);
  const plan = planActivation(builder.facts, {
    kind,
    rows,
    columns,
    x: viewOf(x),
    y: viewOf(out),
    ...(up ? { up: viewOf(up) } : {}),
  });
  builder.dispatch(plan, up ? [x, up, out] : [x, out]);
  return out;
}

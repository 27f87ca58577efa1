import { planScaleAdd, type Factor } from '../../kernels/scale-add/scale-add.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

export type { Factor } from '../../kernels/scale-add/scale-add.ts';

/**
 * y = alpha a + beta b. a f32 [rows, columns]; b f32 of that shape, or [1, columns] added to every row (windows allowed).
 *
 * @param args.alpha 1 where absent; a number, or the index of an element of `scalars`
 * @param args.scalars f32: factors that change between runs of one recording
 */
export function scaleAdd(
  builder: ProgramBuilder,
  args: { a: Value; b: Value; alpha?: Factor; beta?: Factor; scalars?: Value; out?: Value },
): Value {
  const op = 'scale_add';
  const { a, b, alpha = 1, beta = 1, scalars } = args;
  requireDType(op, 'a', a, 'f32');
  requireShape(op, 'a', a, [-1, -1]);
  const [rows, columns] = a.shape;
  const repeatB = rows > 1 && b.shape[0] === 1;
  requireDType(op, 'b', b, 'f32');
  requireShape(op, 'b', b, [repeatB ? 1 : rows, columns]);
  const isBuffer = typeof alpha !== 'number' || typeof beta !== 'number';
  if (isBuffer !== (scalars !== undefined))
    throw new ShapeError(
      `${op}: "scalars" and factors read from it go together, got ${scalars ? 'only' : 'no'} scalars.`,
    );
  if (scalars) {
    requireDType(op, 'scalars', scalars, 'f32');
    requireShape(op, 'scalars', scalars, [-1]);
    for (const factor of [alpha, beta])
      if (typeof factor !== 'number' && factor.scalar >= scalars.shape[0])
        throw new ShapeError(`${op}: scalar ${factor.scalar} is outside of scalars [${scalars.shape[0]}].`);
  }
  const out = args.out ?? builder.temp('f32', [rows, columns], op);
  requireShape(op, 'out', out, [rows, columns]);
  const start = scalars?.offset ?? 0;
  const at = (factor: Factor): Factor => (typeof factor === 'number' ? factor : { scalar: start + factor.scalar });
  const plan = planScaleAdd(builder.facts, {
    rows,
    columns,
    alpha: at(alpha),
    beta: at(beta),
    repeatB,
    a: viewOf(a),
    b: viewOf(b),
    y: viewOf(out),
  });
  builder.dispatch(plan, scalars ? [a, b, scalars, out] : [a, b, out]);
  return out;
}

import { planCast, type CastDType } from '../../kernels/cast/cast.ts';
import { numElements } from '../../kernels/dtype.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import type { Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * The same elements in another dtype: f32 <-> f16 or bf16 (packed two to a word). Widening is exact; narrowing rounds to
 * nearest even. Windows of rows allowed; windows of columns are not.
 *
 * @throws DTypeError unless exactly one side is f32
 */
export function cast(builder: ProgramBuilder, args: { x: Value; to: CastDType; out?: Value }): Value {
  const op = 'cast';
  const { x, to } = args;
  const out = args.out ?? builder.temp(to, x.shape, `${op} to ${to}`);
  requireDType(op, 'out', out, to);
  requireShape(op, 'out', out, x.shape);
  if (x.stride !== undefined || out.stride !== undefined)
    throw new ShapeError(`${op}: takes no windows of columns, got x [${x.shape.join(', ')}]. Copy the rows first.`);
  const plan = planCast(builder.facts, {
    from: castDType(x),
    to,
    count: numElements(x.shape),
    xOffset: x.offset,
    yOffset: out.offset,
  });
  builder.dispatch(plan, [x, out]);
  return out;
}

function castDType(x: Value): CastDType {
  if (x.dtype === 'f16' || x.dtype === 'bf16') return x.dtype;
  requireDType('cast', 'x', x, 'f32');
  return 'f32';
}

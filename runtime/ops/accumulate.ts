import { planAccumulate } from '../../kernels/accumulate/accumulate.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * y = keep y + weight x in place; f32 [rows, columns] both (windows allowed). With keep 0 the old y is not read.
 *
 * @param args.factors f32 [n]: rewritten between runs of one recording
 * @param args.factorIndex element of `factors` that holds keep; the one after it holds weight
 */
export function accumulate(
  builder: ProgramBuilder,
  args: { x: Value; y: Value; factors: Value; factorIndex: number },
): void {
  const op = 'accumulate';
  const { x, y, factors, factorIndex } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  requireDType(op, 'y', y, 'f32');
  requireShape(op, 'y', y, x.shape);
  requireDType(op, 'factors', factors, 'f32');
  requireShape(op, 'factors', factors, [-1]);
  if (factorIndex < 0 || factorIndex + 1 >= factors.shape[0])
    throw new ShapeError(
      `${op}: factors ${factorIndex} and ${factorIndex + 1} are outside of factors [${factors.shape[0]}].`,
    );
  const [rows, columns] = x.shape;
  const plan = planAccumulate(builder.facts, {
    rows,
    columns,
    x: viewOf(x),
    y: viewOf(y),
    factorIndex: factors.offset + factorIndex,
  });
  builder.dispatch(plan, [x, factors, y]);
}

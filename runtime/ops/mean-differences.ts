import { planReduceFinish, planReducePartials, reducePartialCount } from '../../kernels/reduce/reduce.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * mean |a - b| and mean |a| over all elements, in that order, as f32 [2]: what step caching compares. Deterministic.
 * a, b f32 [rows, columns] (windows allowed).
 */
export function meanDifferences(builder: ProgramBuilder, args: { a: Value; b: Value; out?: Value }): Value {
  const op = 'reduce';
  const { a, b } = args;
  requireDType(op, 'a', a, 'f32');
  requireShape(op, 'a', a, [-1, -1]);
  requireDType(op, 'b', b, 'f32');
  requireShape(op, 'b', b, a.shape);
  const [rows, columns] = a.shape;
  const partials = reducePartialCount(rows, columns);
  const partial = builder.temp('f32', [partials, 2], 'partial sums');
  const out = args.out ?? builder.temp('f32', [2], 'mean differences');
  requireDType(op, 'out', out, 'f32');
  requireShape(op, 'out', out, [2]);
  builder.dispatch(planReducePartials(builder.facts, { rows, columns, a: viewOf(a), b: viewOf(b) }), [a, b, partial]);
  const finish = planReduceFinish(builder.facts, { partials, count: rows * columns, resultOffset: out.offset });
  builder.dispatch(finish, [partial, out]);
  return out;
}

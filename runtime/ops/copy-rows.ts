import { planCopyRows } from '../../kernels/copy-rows/copy-rows.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * Copies rows bit for bit between two storages: x f32 [rows, columns] (windows allowed) -> out of the same shape.
 */
export function copyRows(builder: ProgramBuilder, args: { x: Value; out?: Value }): Value {
  const op = 'copy_rows';
  const { x } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  const out = args.out ?? builder.temp('f32', [rows, columns], op);
  requireShape(op, 'out', out, [rows, columns]);
  builder.dispatch(planCopyRows(builder.facts, { rows, columns, x: viewOf(x), y: viewOf(out) }), [x, out]);
  return out;
}

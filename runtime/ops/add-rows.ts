import { planAddRows } from '../../kernels/add-rows/add-rows.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

export { NO_ROW } from '../../kernels/add-rows/add-rows.ts';

/**
 * x[r] += table[index[r]], in place; NO_ROW adds nothing. x f32 [rows, columns], table f32 [tableRows, columns]
 * (windows allowed), index u32 [rows].
 */
export function addRows(builder: ProgramBuilder, args: { x: Value; table: Value; index: Value }): void {
  const op = 'add_rows';
  const { x, table, index } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  requireShape(op, 'table', table, [-1, columns]);
  requireDType(op, 'index', index, 'u32');
  requireShape(op, 'index', index, [rows]);
  const plan = planAddRows(builder.facts, {
    rows,
    columns,
    tableRows: table.shape[0],
    x: viewOf(x),
    table: viewOf(table),
    indexOffset: index.offset,
  });
  builder.dispatch(plan, [table, index, x]);
}

import { codeStride, planQuantizeRows } from '../../kernels/quantize-rows/quantize-rows.ts';
import { rotationGroup } from '../../kernels/quantize-rows/quantize-rows-rotation.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** Rows as i8 codes: row r is codes[r] * scales[r], in the basis that a rotation in groups leads to. */
export interface QuantizedRows {
  /** i8 [rows, columns]. */
  readonly codes: Value;
  /** f32 [rows]. */
  readonly scales: Value;
  /** Elements that were rotated together; 1 = not rotated. */
  readonly group: number;
}

/**
 * Rounds each row of x to i8 with a scale of its own, after a rotation where `rotate` is set: the left operand of `matmul` with
 * a weight made with the same `rotate`. The group is the largest power of two up to 256 that divides the columns.
 *
 * @param args.x f32 [rows, columns], finite, windows allowed
 */
export function quantizeRows(builder: ProgramBuilder, args: { x: Value; rotate: boolean }): QuantizedRows {
  const op = 'quantize_rows';
  const { x, rotate } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  const group = rotate ? rotationGroup(columns) : 1;
  const codes = builder.temp('i8', [rows, codeStride(columns)], op);
  const scales = builder.temp('f32', [rows], `${op} scales`);
  const plan = planQuantizeRows(builder.facts, { rows, columns, group, x: viewOf(x) });
  builder.dispatch(plan, [x, codes, scales]);
  return { codes: builder.columns(codes, 0, columns), scales, group };
}

import { planLayerNormModulate } from '../../kernels/layer-norm-modulate/layer-norm-modulate.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** Where the modulation vectors of one norm lie in a table of rows. */
export interface ModulationColumns {
  /** f32 [rows, total]. */
  readonly table: Value;
  /** First columns of shift and of scale. */
  readonly shift: number;
  readonly scale: number;
  /** u32 [rows of x]: the table's row for each row of x; absent: row 0 for all. */
  readonly index?: Value;
}

/** y = LayerNorm(x) * (1 + scale) + shift, no affine. x f32 [rows, D] (windows allowed) -> f32 [rows, D]. */
export function layerNormModulate(
  builder: ProgramBuilder,
  args: { x: Value; eps: number; modulation: ModulationColumns; out?: Value },
): Value {
  const op = 'layer_norm_modulate';
  const { x, eps, modulation } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  const { table, index } = modulation;
  requireDType(op, 'modulation', table, 'f32');
  requireShape(op, 'modulation', table, [-1, -1]);
  if (index) requireShape(op, 'index', index, [rows]);
  const out = args.out ?? builder.temp('f32', [rows, columns], op);
  requireShape(op, 'out', out, [rows, columns]);
  const stride = table.stride ?? table.shape[1];
  const plan = planLayerNormModulate(builder.facts, {
    rows,
    columns,
    eps,
    x: viewOf(x),
    y: viewOf(out),
    modulation: {
      rows: table.shape[0],
      stride,
      shiftOffset: table.offset + modulation.shift,
      scaleOffset: table.offset + modulation.scale,
    },
    ...(index ? { indexed: true, indexOffset: index.offset } : {}),
  });
  builder.dispatch(plan, index ? [x, table, index, out] : [x, table, out]);
  return out;
}

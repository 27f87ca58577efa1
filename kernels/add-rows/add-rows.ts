import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as body } from './add-rows.wgsl.ts';

const OP = 'add_rows';

/** An index entry that means "add nothing". */
export const NO_ROW = 0xffffffff;

/** Adds to each row of x [rows, columns] the row of a table [tableRows, columns] that its index names. */
export interface AddRowsOptions {
  readonly rows: number;
  readonly columns: number;
  readonly tableRows: number;
  readonly x?: RowView;
  readonly table?: RowView;
  /** First element of `index` to use. */
  readonly indexOffset?: number;
}

/** Widths that a shape allows, the planner's choice first. */
export function addRowsVariants({ columns, x, table }: AddRowsOptions): readonly UnitWidth[] {
  const views = [x, table].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/**
 * Plans x[r] += table[index[r]] in place; an index beyond the table (NO_ROW) adds nothing.
 * Bindings: table f32, index u32 [rows], x f32 (read_write).
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the width does not suit the shape
 */
export function planAddRows(facts: DeviceFacts, options: AddRowsOptions, variant?: UnitWidth): KernelPlan {
  const { rows, columns, tableRows, indexOffset = 0 } = options;
  requireSizes(OP, { rows, columns, tableRows });
  const x = resolveView(OP, 'x', options.x, rows, columns);
  const table = resolveView(OP, 'table', options.table, tableRows, columns);
  const choices = addRowsVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (columns / width), name);
  return {
    op: OP,
    variant: name,
    sources: [...grid.sources, body],
    constants: grid.constants,
    bindings: [
      { name: 'table', access: 'read', byteLength: table.end * 4 },
      { name: 'index', access: 'read', byteLength: (indexOffset + rows) * 4 },
      { name: 'x', access: 'read_write', byteLength: x.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: table.offset / width },
      { u32: table.stride / width },
      { u32: tableRows },
      { u32: indexOffset },
    ]),
    workgroups: grid.workgroups,
    flops: rows * columns,
    bytes: (2 * rows + tableRows) * columns * 4 + rows * 4,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as body } from './copy-rows.wgsl.ts';
import { wgsl as sourceIndexed } from './source-indexed.wgsl.ts';
import { wgsl as sourceSame } from './source-same.wgsl.ts';

const OP = 'copy_rows';

/** Copies rows of 32-bit elements between views, in order or picked by an index. */
export interface CopyRowsOptions {
  /** Rows of y. */
  readonly rows: number;
  readonly columns: number;
  /** Rows of x where a binding `index` (u32, one per row of y, each below this) picks them; absent: row r is row r. */
  readonly indexedRows?: number;
  readonly indexOffset?: number;
  readonly x?: RowView;
  readonly y?: RowView;
}

/** Widths that a shape allows, the planner's choice first. */
export function copyRowsVariants({ columns, x, y }: CopyRowsOptions): readonly UnitWidth[] {
  const views = [x, y].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/**
 * Plans y[r] = x[r], or y[r] = x[index[r]], bit for bit. Bindings: x, [index u32], y (any 32-bit dtype).
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the width does not suit the shape
 */
export function planCopyRows(facts: DeviceFacts, options: CopyRowsOptions, variant?: UnitWidth): KernelPlan {
  const { rows, columns, indexedRows, indexOffset = 0 } = options;
  requireSizes(OP, { rows, columns, indexedRows: indexedRows ?? 1 });
  const x = resolveView(OP, 'x', options.x, indexedRows ?? rows, columns);
  const y = resolveView(OP, 'y', options.y, rows, columns);
  const choices = copyRowsVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (columns / width), name);
  const index: BindingSpec[] =
    indexedRows === undefined ? [] : [{ name: 'index', access: 'read', byteLength: (indexOffset + rows) * 4 }];
  return {
    op: OP,
    variant: `${name}${indexedRows === undefined ? '' : ',indexed'}`,
    sources: [
      `alias W = ${width === 4 ? 'vec4u' : 'u32'};\n`,
      ...grid.sources,
      body,
      indexedRows === undefined ? sourceSame : sourceIndexed,
    ],
    constants: grid.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      ...index,
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { u32: indexOffset },
    ]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: 2 * rows * columns * 4,
  };
}

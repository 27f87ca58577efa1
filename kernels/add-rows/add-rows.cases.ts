import type { KernelCase, OpCases } from '../cases.ts';
import { expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { addRow } from './add-rows.reference.ts';
import { addRowsVariants, NO_ROW, planAddRows } from './add-rows.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly tableRows: number;
  readonly x?: RowView;
  readonly table?: RowView;
  readonly indexOffset?: number;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1, tableRows: 1 },
  { rows: 40, columns: 48, tableRows: 1 },
  { rows: 40, columns: 17, tableRows: 3, indexOffset: 5 },
  { rows: 21, columns: 8, tableRows: 2, x: { offset: 16, stride: 12 }, table: { offset: 4, stride: 20 } },
  { rows: 21, columns: 8, tableRows: 2, x: { offset: 2, stride: 11 }, table: { offset: 1, stride: 9 } },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, tableRows, indexOffset = 0 } = shape;
  const x = resolveView('case', 'x', shape.x, rows, columns);
  const table = resolveView('case', 'table', shape.table, tableRows, columns);
  const options = { rows, columns, tableRows, x, table, indexOffset };
  return {
    name: `[${rows},${columns}] of ${tableRows} ${x.offset}+${x.stride} index+${indexOffset}`,
    variants: () => addRowsVariants(options),
    plan: (facts, variant) => planAddRows(facts, options, variant as UnitWidth),
    inputs: (random) => ({
      table: makeRows(random, table, tableRows, columns),
      // Half of the rows get nothing; some of these by an index one past the table.
      index: Uint32Array.from({ length: indexOffset + rows }, () =>
        random.integer(2) === 0 ? random.integer(tableRows) : random.integer(2) === 0 ? NO_ROW : tableRows,
      ),
      x: makeRows(random, x, rows, columns),
    }),
    expected: (inputs) => {
      const index = inputs['index'] as Uint32Array;
      const row = (r: number) => {
        const chosen = index[indexOffset + r] ?? NO_ROW;
        const added = chosen < tableRows ? rowAt(floatsOf(inputs, 'table'), table, chosen, columns) : undefined;
        return addRow(rowAt(floatsOf(inputs, 'x'), x, r, columns), added);
      };
      return { x: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'x'), x, rows, row) } };
    },
    tolerance: { atol: 3e-7, rtol: 3e-7, nmse: 1e-13 },
  };
}

/** Cases of `add_rows`. */
export const cases: OpCases = { op: 'add_rows', cases: SHAPES.map(makeCase) };

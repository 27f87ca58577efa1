import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { sourceRow } from './copy-rows.reference.ts';
import { copyRowsVariants, planCopyRows } from './copy-rows.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly indexedRows?: number;
  readonly indexOffset?: number;
  readonly x?: RowView;
  readonly y?: RowView;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 9, columns: 64 },
  { rows: 9, columns: 13, x: { offset: 7, stride: 20 }, y: { offset: 2, stride: 14 } },
  { rows: 9, columns: 12, x: { offset: 8, stride: 36 }, y: { offset: 4, stride: 16 } },
  { rows: 15, columns: 24, indexedRows: 6 },
  { rows: 15, columns: 5, indexedRows: 6, indexOffset: 4 },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, indexedRows, indexOffset = 0 } = shape;
  const sourceRows = indexedRows ?? rows;
  const x = resolveView('case', 'x', shape.x, sourceRows, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  const options = { rows, columns, indexOffset, x, y, ...(indexedRows === undefined ? {} : { indexedRows }) };
  return {
    name: `[${rows},${columns}] ${x.offset}+${x.stride} to ${y.offset}+${y.stride}${indexedRows ? ` of ${indexedRows}` : ''}`,
    variants: () => copyRowsVariants(options),
    plan: (facts, variant) => planCopyRows(facts, options, variant as UnitWidth),
    inputs: (random) => ({
      x: makeRows(random, x, sourceRows, columns),
      ...(indexedRows === undefined
        ? {}
        : { index: Uint32Array.from({ length: indexOffset + rows }, () => random.integer(indexedRows)) }),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const index = inputs['index'] as Uint32Array | undefined;
      const row = (r: number) => rowAt(floatsOf(inputs, 'x'), x, sourceRow(r, index?.subarray(indexOffset)), columns);
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

/** Cases of `copy_rows`. */
export const cases: OpCases = { op: 'copy_rows', cases: SHAPES.map(makeCase) };

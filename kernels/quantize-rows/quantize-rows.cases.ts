import type { KernelCase, OpCases, Tolerance } from '../cases.ts';
import { floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { quantizedRow } from './quantize-rows.reference.ts';
import { codeStride, planQuantizeRows, quantizeRowsVariants, type QuantizeRowsVariant } from './quantize-rows.ts';
import { rotationGroup } from './quantize-rows-rotation.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly fill?: RowFill;
  readonly group?: number;
  readonly x?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 7, columns: 13 },
  { rows: 5, columns: 22 },
  { rows: 19, columns: 36 },
  { rows: 3, columns: 40 },
  { rows: 9, columns: 48, x: { offset: 3, stride: 51 }, y: { offset: 8, stride: 60 } },
  { rows: 4, columns: 96, x: { offset: 8, stride: 100 } },
  { rows: 33, columns: 128, fill: 'spiky' },
  { rows: 5, columns: 192, fill: 'equal' },
  { rows: 6, columns: 256, fill: 'zeros' },
  { rows: 3, columns: 512, fill: 'tiny' },
  { rows: 2, columns: 768, fill: 'offset' },
  { rows: 17, columns: 3072, fill: 'spiky' },
  { rows: 5, columns: 3072, group: 1 },
  { rows: 3, columns: 12288 },
  { rows: 4096, columns: 3072, benchOnly: true },
  { rows: 256, columns: 3072, benchOnly: true },
];

/** A value may fall on the other side of a tie: one step off here and there, which the mean of squares bounds. */
const CODES: Tolerance = { atol: 1, rtol: 0, nmse: 1e-6 };
const SCALES: Tolerance = { atol: 0, rtol: 2e-6, nmse: 1e-11 };

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, fill = 'uniform', group = rotationGroup(columns), benchOnly = false } = shape;
  const x = resolveView('quantize_rows', 'x', shape.x, rows, columns);
  const y = resolveView('quantize_rows', 'y', { stride: codeStride(columns), ...shape.y }, rows, columns);
  const views = shape.x ? ` x ${x.offset}+${x.stride} y ${y.offset}+${y.stride}` : '';
  return {
    name: `[${rows},${columns}] ${fill} in groups of ${group}${views}`,
    variants: quantizeRowsVariants,
    plan: (facts, variant) => planQuantizeRows(facts, { rows, columns, group, x, y }, variant as QuantizeRowsVariant),
    inputs: (random) => ({
      x: makeRows(random, x, rows, columns, fill),
      // 0x55 everywhere: an element that is not written shows, one that must not be written too.
      y: new Uint8Array(codeStride(y.end)).fill(POISON),
      scales: new Float32Array(rows).fill(Number.NaN),
    }),
    expected: (inputs) => {
      const codes = new Float64Array(codeStride(y.end)).fill(POISON);
      const scales = new Float64Array(rows);
      for (let r = 0; r < rows; r++) {
        const row = quantizedRow(rowAt(floatsOf(inputs, 'x'), x, r, columns), group);
        const start = y.offset + r * y.stride;
        codes.fill(0, start, start + codeStride(columns)).set(row.codes, start);
        scales[r] = row.scale;
      }
      return {
        y: { dtype: 'i8', values: codes, tolerance: CODES },
        scales: { dtype: 'f32', values: scales, tolerance: SCALES },
      };
    },
    tolerance: SCALES,
    benchOnly,
  };
}

const POISON = 0x55;

/** Cases of `quantize_rows`. */
export const cases: OpCases = { op: 'quantize_rows', cases: SHAPES.map(makeCase) };

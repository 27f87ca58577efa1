import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { layerNormModulateRow } from './layer-norm-modulate.reference.ts';
import { layerNormModulateVariants, planLayerNormModulate } from './layer-norm-modulate.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  /** Rows of the modulation table; more than one: indexed. */
  readonly table?: number;
  readonly fill?: RowFill;
  readonly x?: RowView;
  readonly y?: RowView;
  readonly indexOffset?: number;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1 },
  { rows: 3, columns: 5 },
  { rows: 13, columns: 128 },
  { rows: 7, columns: 131, table: 3 },
  { rows: 33, columns: 64, table: 2, indexOffset: 5 },
  { rows: 4, columns: 1536, fill: 'spiky' },
  // Mean 1e4, deviation about 1: a variance from E[x^2] - mean^2 has no digit left here.
  { rows: 5, columns: 1000, fill: 'offset', table: 2 },
  { rows: 4, columns: 60, fill: 'equal' },
  { rows: 4, columns: 60, fill: 'zeros' },
  { rows: 8, columns: 48, fill: 'tiny' },
  { rows: 6, columns: 20, table: 2, x: { offset: 8, stride: 24 }, y: { offset: 12, stride: 20 } },
  { rows: 6, columns: 20, table: 2, x: { offset: 1, stride: 22 }, y: { offset: 2, stride: 21 } },
  { rows: 1024, columns: 768, table: 2, benchOnly: true },
  { rows: 12800, columns: 3072, table: 2, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, table = 1, fill = 'uniform', indexOffset = 0, benchOnly = false } = shape;
  const eps = 1e-6;
  const x = resolveView('case', 'x', shape.x, rows, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  // A row of the table as the model has it: shift, scale, gate; a vec4-friendly start if the columns are.
  const stride = 3 * columns;
  const modulation = { rows: table, stride, shiftOffset: 0, scaleOffset: columns };
  const indexed = table > 1;
  const views = shape.x ? ` x ${x.offset}+${x.stride} y ${y.offset}+${y.stride}` : '';
  return {
    name: `[${rows},${columns}] ${fill}${indexed ? ` of ${table} rows` : ''}${views}`,
    variants: layerNormModulateVariants,
    plan: (facts, variant) =>
      planLayerNormModulate(
        facts,
        { rows, columns, eps, modulation, indexed, indexOffset, x, y },
        variant as RowSchemeName,
      ),
    inputs: (random) => ({
      x: makeRows(random, x, rows, columns, fill),
      modulation: random.floats((table - 1) * stride + 2 * columns),
      ...(indexed ? { index: Uint32Array.from({ length: indexOffset + rows }, () => random.integer(table)) } : {}),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const vectors = floatsOf(inputs, 'modulation');
      const index = inputs['index'] as Uint32Array | undefined;
      const row = (r: number) => {
        const start = (index?.[indexOffset + r] ?? 0) * stride;
        const shift = vectors.subarray(start, start + columns);
        const scale = vectors.subarray(start + columns, start + 2 * columns);
        return layerNormModulateRow(rowAt(floatsOf(inputs, 'x'), x, r, columns), shift, scale, eps);
      };
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 3e-6, rtol: 3e-6, nmse: 1e-12 },
    benchOnly,
  };
}

/** Cases of `layer_norm_modulate`. */
export const cases: OpCases = { op: 'layer_norm_modulate', cases: SHAPES.map(makeCase) };

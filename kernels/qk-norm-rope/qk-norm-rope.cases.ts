import type { KernelCase, OpCases } from '../cases.ts';
import { expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { qkNormRopeHead } from './qk-norm-rope.reference.ts';
import { planQkNormRope, qkNormRopeVariants, type RopePairs } from './qk-norm-rope.ts';

interface Shape {
  readonly rows: number;
  readonly heads: number;
  readonly headDim: number;
  readonly norm?: boolean;
  readonly pairs?: RopePairs;
  readonly eps?: number;
  readonly fill?: RowFill;
  readonly x?: RowView;
  readonly table?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, heads: 1, headDim: 2, norm: true, pairs: 'interleaved' },
  { rows: 5, heads: 3, headDim: 10, norm: true, pairs: 'interleaved' },
  { rows: 5, heads: 3, headDim: 10, norm: true, pairs: 'half' },
  { rows: 7, heads: 2, headDim: 128, norm: true, pairs: 'interleaved', fill: 'spiky' },
  { rows: 7, heads: 2, headDim: 128, pairs: 'half' },
  { rows: 9, heads: 4, headDim: 32, pairs: 'interleaved' },
  { rows: 9, heads: 4, headDim: 26, norm: true },
  { rows: 3, heads: 2, headDim: 16, norm: true, pairs: 'interleaved', fill: 'tiny' },
  { rows: 3, heads: 2, headDim: 16, norm: true, pairs: 'half', fill: 'zeros' },
  // The q columns of a fused q|k|v row, and tokens that start in the middle of the tables.
  {
    rows: 6,
    heads: 2,
    headDim: 8,
    norm: true,
    pairs: 'interleaved',
    x: { offset: 51, stride: 49 },
    table: { offset: 12 },
  },
  { rows: 6, heads: 2, headDim: 8, pairs: 'half', x: { offset: 16, stride: 48 }, table: { offset: 5, stride: 7 } },
  { rows: 1024, heads: 12, headDim: 64, norm: true, pairs: 'interleaved', benchOnly: true },
  { rows: 12800, heads: 24, headDim: 128, norm: true, pairs: 'interleaved', benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, heads, headDim, pairs, eps = 1e-6, fill = 'uniform', benchOnly = false } = shape;
  const x = resolveView('case', 'x', shape.x, rows, heads * headDim);
  const table = resolveView('case', 'table', shape.table, rows, headDim / 2);
  const norm = shape.norm ? { eps } : undefined;
  const rope = pairs ? { pairs, table } : undefined;
  const steps = [norm ? 'norm' : '', pairs ?? ''].filter((step) => step !== '').join('+');
  const views = shape.x ? ` x ${x.offset}+${x.stride} table ${table.offset}+${table.stride}` : '';
  return {
    name: `[${rows},${heads}x${headDim}] ${steps} ${fill}${views}`,
    variants: qkNormRopeVariants,
    plan: (facts, variant) =>
      planQkNormRope(
        facts,
        { rows, heads, headDim, x, ...(norm ? { norm } : {}), ...(rope ? { rope } : {}) },
        variant as RowSchemeName,
      ),
    inputs: (random) => {
      const angles = Float64Array.from({ length: table.end }, () => random.uniform(-7, 7));
      return {
        ...(norm ? { weight: random.floats(headDim) } : {}),
        ...(rope ? { cosines: Float32Array.from(angles, Math.cos), sines: Float32Array.from(angles, Math.sin) } : {}),
        x: makeRows(random, x, rows, heads * headDim, fill),
      };
    },
    expected: (inputs) => {
      const before = floatsOf(inputs, 'x');
      const weight = norm && { weight: floatsOf(inputs, 'weight'), eps };
      const row = (r: number) => {
        const turn = rope && {
          cos: rowAt(floatsOf(inputs, 'cosines'), table, r, headDim / 2),
          sin: rowAt(floatsOf(inputs, 'sines'), table, r, headDim / 2),
          half: pairs === 'half',
        };
        const values = rowAt(before, x, r, heads * headDim);
        const turned = new Float64Array(heads * headDim);
        for (let h = 0; h < heads; h++)
          turned.set(qkNormRopeHead(values.subarray(h * headDim, (h + 1) * headDim), weight, turn), h * headDim);
        return turned;
      };
      return { x: { dtype: 'f32', values: expectRows(before, x, rows, row) } };
    },
    tolerance: { atol: 2e-6, rtol: 2e-6, nmse: 2e-12 },
    benchOnly,
  };
}

/** Cases of `qk_norm_rope`. */
export const cases: OpCases = { op: 'qk_norm_rope', cases: SHAPES.map(makeCase) };

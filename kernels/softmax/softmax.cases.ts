import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { planSoftmax, softmaxVariants, type SoftmaxOptions } from './softmax.ts';
import { softmaxRow } from './softmax.reference.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly fill?: RowFill;
  readonly x?: RowView;
  readonly y?: RowView;
  /** Every how many-th column the mask hides; `all` hides every one. */
  readonly mask?: number | 'all';
  readonly maskOffset?: number;
  readonly causal?: SoftmaxOptions['causal'];
  readonly benchOnly?: boolean;
}

const apart: RowView = {};

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1, x: apart },
  { rows: 1, columns: 7 },
  { rows: 5, columns: 64, x: apart },
  { rows: 17, columns: 97 },
  { rows: 3, columns: 1021, x: apart },
  { rows: 2, columns: 1024, fill: 'spiky' },
  { rows: 4, columns: 129, fill: 'offset', x: apart },
  { rows: 4, columns: 36, fill: 'zeros' },
  { rows: 6, columns: 20, x: { offset: 24, stride: 28 }, y: { offset: 4, stride: 40 } },
  { rows: 6, columns: 18, y: { offset: 4, stride: 20 } },
  { rows: 6, columns: 20, x: { offset: 3, stride: 21 }, y: { offset: 5, stride: 23 } },
  { rows: 9, columns: 43, mask: 3, maskOffset: 5 },
  { rows: 3, columns: 12, mask: 'all', x: apart },
  { rows: 3, columns: 40, mask: 1, x: apart },
  { rows: 11, columns: 11, causal: { offset: 0 } },
  { rows: 12, columns: 9, x: apart, causal: { offset: 5, queryRows: 4 } },
  { rows: 6, columns: 8, causal: { offset: -3 }, mask: 2 },
  { rows: 2048, columns: 2048, benchOnly: true },
  { rows: 4096, columns: 1088, x: apart, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, fill = 'uniform', mask, maskOffset = 0, causal, benchOnly = false } = shape;
  const y = resolveView('softmax', 'y', shape.y, rows, columns);
  const x = shape.x ? resolveView('softmax', 'x', shape.x, rows, columns) : undefined;
  const masked = mask !== undefined;
  const options = { rows, columns, ...(x ? { x } : {}), y, masked, maskOffset, ...(causal ? { causal } : {}) };
  const notes = [
    x ? `x ${x.offset}+${x.stride}` : 'in place',
    `y ${y.offset}+${y.stride}`,
    ...(masked ? [`mask ${mask}`] : []),
    ...(causal ? [`causal ${causal.offset} of ${causal.queryRows ?? rows}`] : []),
  ];
  const isSeen = (row: number, words: Uint32Array | undefined) => (c: number) =>
    (words === undefined || words[maskOffset + c] !== 0) &&
    (causal === undefined || c <= (row % (causal.queryRows ?? rows)) + causal.offset);
  return {
    name: `[${rows},${columns}] ${fill} ${notes.join(' ')}`,
    variants: softmaxVariants,
    plan: (facts, variant) => planSoftmax(facts, options, variant as RowSchemeName),
    inputs: (random) => ({
      ...(x
        ? { x: makeRows(random, x, rows, columns, fill), y: blankRows(y) }
        : { y: makeRows(random, y, rows, columns, fill) }),
      ...(masked ? { mask: maskWords(mask, maskOffset, columns) } : {}),
    }),
    expected: (inputs) => {
      const words = inputs.mask as Uint32Array | undefined;
      const source = floatsOf(inputs, x ? 'x' : 'y');
      const row = (r: number) => softmaxRow(rowAt(source, x ?? y, r, columns), isSeen(r, words));
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    // exp(d) of f32 is off by |d| / 2 units and its own few: 1e-6 at the 4 that d reaches where weights matter.
    tolerance: { atol: 1e-8, rtol: 2e-6, nmse: 3e-12 },
    benchOnly,
  };
}

/** Words before the offset hide nothing; shown columns have any word but 0. `1` shows a single column. */
function maskWords(mask: number | 'all', offset: number, columns: number): Uint32Array {
  return Uint32Array.from({ length: offset + columns }, (_, i) => {
    const c = i - offset;
    if (c < 0) return 1;
    if (mask === 'all') return 0;
    return mask === 1 ? Number(c === columns - 2) : c % mask === 0 ? 0 : 0x80000000 + c;
  });
}

/** Read by test and bench. */
export const cases: OpCases = { op: 'softmax', cases: SHAPES.map(makeCase) };

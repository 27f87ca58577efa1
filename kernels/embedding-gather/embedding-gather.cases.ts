import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { embeddingRow } from './embedding-gather.reference.ts';
import { embeddingGatherVariants, planEmbeddingGather, type EmbeddingGatherOptions } from './embedding-gather.ts';

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly vocab: number;
  readonly dtype: EmbeddingGatherOptions['dtype'];
  readonly table?: RowView;
  readonly y?: RowView;
  readonly idsOffset?: number;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, columns: 1, vocab: 1, dtype: 'f32' },
  { rows: 20, columns: 33, vocab: 11, dtype: 'f32' },
  // Odd columns: every other row of a packed table starts in the high half of a word.
  { rows: 20, columns: 33, vocab: 11, dtype: 'f16' },
  { rows: 20, columns: 33, vocab: 11, dtype: 'bf16' },
  { rows: 6, columns: 64, vocab: 40, dtype: 'bf16', idsOffset: 3, y: { offset: 5, stride: 70 } },
  { rows: 6, columns: 8, vocab: 9, dtype: 'f16', table: { offset: 3, stride: 11 } },
];

/** Halves whose values are exact in the format: the test is about addresses, `cast` tests the formats. */
const HALVES = {
  f16: [0x3c00, 0xbc00, 0x4000, 0x3800, 0x7bff, 0x0001],
  bf16: [0x3f80, 0xbf80, 0x4000, 0x3f00, 0x7f7f, 0x0080],
};
const VALUES = { f16: [1, -1, 2, 0.5, 65504, 2 ** -24], bf16: [1, -1, 2, 0.5, (2 - 2 ** -7) * 2 ** 127, 2 ** -126] };

function makeCase(shape: Shape): KernelCase {
  const { rows, columns, vocab, dtype, idsOffset = 0 } = shape;
  const table = resolveView('case', 'table', shape.table, vocab, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  return {
    name: `${dtype} [${vocab},${columns}] ${rows} rows, table ${table.offset}+${table.stride}`,
    variants: embeddingGatherVariants,
    plan: (facts) => planEmbeddingGather(facts, { rows, columns, vocab, dtype, table, y, idsOffset }),
    inputs: (random) => ({
      table:
        dtype === 'f32'
          ? random.floats(table.end)
          : Uint16Array.from({ length: table.end + (table.end % 2) }, () => HALVES[dtype][random.integer(6)] ?? 0),
      // The last id lies outside of the table.
      ids: Uint32Array.from({ length: idsOffset + rows }, (_, i) =>
        rows > 1 && i === idsOffset + rows - 1 ? vocab : random.integer(vocab),
      ),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const stored = inputs['table'];
      const values =
        stored instanceof Uint16Array && dtype !== 'f32'
          ? Array.from(stored, (half) => VALUES[dtype][HALVES[dtype].indexOf(half)] ?? 0)
          : floatsOf(inputs, 'table');
      const ids = inputs['ids'] as Uint32Array;
      const row = (r: number) => {
        const id = ids[idsOffset + r] ?? 0;
        return embeddingRow(values, id, vocab, table.offset + id * table.stride, columns);
      };
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
  };
}

/** Cases of `embedding_gather`. */
export const cases: OpCases = { op: 'embedding_gather', cases: SHAPES.map(makeCase) };

import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits } from '../unit-grid.ts';
import { wgsl as bitsBf16 } from '../wgsl-lib/bits-bf16.wgsl.ts';
import { wgsl as bitsF16 } from '../wgsl-lib/bits-f16.wgsl.ts';
import { wgsl as float16Bits } from '../wgsl-lib/float16-bits.wgsl.ts';
import { wgsl as body } from './embedding-gather.wgsl.ts';
import { wgsl as tableF32 } from './table-f32.wgsl.ts';
import { wgsl as tablePacked } from './table-packed.wgsl.ts';

const OP = 'embedding_gather';

/** Rows of a table [vocab, columns] picked by ids. */
export interface EmbeddingGatherOptions {
  readonly rows: number;
  readonly columns: number;
  readonly vocab: number;
  readonly dtype: 'f32' | 'f16' | 'bf16';
  /** Of the table, in elements. */
  readonly table?: RowView;
  /** First element of `ids` to use. */
  readonly idsOffset?: number;
  readonly y?: RowView;
}

/** Names of the variants: one. */
export function embeddingGatherVariants(): readonly string[] {
  return ['elements'];
}

/**
 * Plans y[i] = table[ids[i]] as f32. Bindings: table (f32, or packed f16 or bf16), ids u32 [rows], y f32.
 *
 * An id outside of the table gives a row of NaN: wrong ids are loud. Check ids on the CPU where they come from there.
 *
 * @throws ShapeError if a size is not a positive whole number or rows of a view overlap
 */
export function planEmbeddingGather(facts: DeviceFacts, options: EmbeddingGatherOptions): KernelPlan {
  const { rows, columns, vocab, dtype, idsOffset = 0 } = options;
  requireSizes(OP, { rows, columns, vocab });
  const table = resolveView(OP, 'table', options.table, vocab, columns);
  const y = resolveView(OP, 'y', options.y, rows, columns);
  const grid = layUnits(OP, facts, rows * columns, 'scalar');
  const reader = dtype === 'f32' ? [tableF32] : [float16Bits, dtype === 'f16' ? bitsF16 : bitsBf16, tablePacked];
  return {
    op: OP,
    variant: dtype,
    sources: [...grid.sources, ...reader, body],
    constants: grid.constants,
    bindings: [
      { name: 'table', access: 'read', byteLength: dtype === 'f32' ? table.end * 4 : Math.ceil(table.end / 2) * 4 },
      { name: 'ids', access: 'read', byteLength: (idsOffset + rows) * 4 },
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns },
      { u32: vocab },
      { u32: idsOffset },
      { u32: y.offset },
      { u32: y.stride },
      { u32: table.offset },
      { u32: table.stride },
      { u32: 0x7fc00000 },
    ]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: rows * columns * (dtype === 'f32' ? 8 : 6) + rows * 4,
  };
}

import { planEmbeddingGather } from '../../kernels/embedding-gather/embedding-gather.ts';
import { DTypeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * y[i] = table[ids[i]], widened to f32: table f32, f16 or bf16 [vocab, columns], ids u32 [rows] -> f32 [rows, columns].
 * An id outside of the table gives a row of NaN.
 */
export function embeddingGather(builder: ProgramBuilder, args: { table: Value; ids: Value; out?: Value }): Value {
  const op = 'embedding_gather';
  const { table, ids } = args;
  const { dtype } = table;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16')
    throw new DTypeError(`${op}: table must be f32, f16 or bf16, got ${dtype}.`);
  requireShape(op, 'table', table, [-1, -1]);
  requireDType(op, 'ids', ids, 'u32');
  requireShape(op, 'ids', ids, [-1]);
  const [vocab, columns] = table.shape;
  const [rows] = ids.shape;
  const out = args.out ?? builder.temp('f32', [rows, columns], op);
  requireShape(op, 'out', out, [rows, columns]);
  const plan = planEmbeddingGather(builder.facts, {
    rows,
    columns,
    vocab,
    dtype,
    table: viewOf(table),
    idsOffset: ids.offset,
    y: viewOf(out),
  });
  builder.dispatch(plan, [table, ids, out]);
  return out;
}

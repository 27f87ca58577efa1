import { ShapeError } from '../errors.ts';
import type { BindingSpec } from '../plan.ts';
import type { RopePairs } from '../qk-norm-rope/qk-norm-rope.ts';
import { requireSizes, resolveView, type ResolvedView, type RowView } from '../row-view.ts';
import type { UniformField } from '../uniform.ts';
import { wgsl as body } from './heads.wgsl.ts';

/**
 * The end of a fused projection of queries, keys and values: columns are heads of `dim`. The first `queries` heads of a row
 * and the `keys` heads after them become RMSNorm(h) * weight and are turned by the row's angles, as `qk_norm_rope` does it;
 * the other heads are stored as they are.
 *
 * Bindings: `norms` f32 [2, dim] (weights of queries, of keys), `cosines` and `sines` f32 [m, dim / 2].
 */
export interface MatmulHeads {
  /** A multiple of 4 (of 8 for pairs `half`) that divides n. */
  readonly dim: number;
  readonly queries: number;
  readonly keys: number;
  readonly eps: number;
  readonly pairs: RopePairs;
  /** Where the rows of both tables lie. */
  readonly table?: RowView;
}

/** A checked MatmulHeads. */
export interface ResolvedHeads extends Omit<MatmulHeads, 'table'> {
  readonly table: ResolvedView;
}

/**
 * Checks heads against a product [m, n].
 *
 * @throws ShapeError if heads are no whole quads or do not fit n, or the table's view is wrong
 */
export function resolveHeads(heads: MatmulHeads, m: number, n: number): ResolvedHeads {
  const { dim, queries, keys, pairs } = heads;
  requireSizes('matmul', { 'heads.dim': dim, 'heads.queries': queries, 'heads.keys': keys });
  const whole = pairs === 'half' ? 8 : 4;
  if (dim % whole !== 0 || n % dim !== 0)
    throw new ShapeError(
      `matmul: heads.dim must be a multiple of ${whole} that divides n, got ${dim} with n = ${n}. Use qk_norm_rope after the product.`,
    );
  if ((queries + keys) * dim > n)
    throw new ShapeError(`matmul: ${queries} + ${keys} heads of ${dim} do not fit n = ${n}.`);
  return { ...heads, table: resolveView('matmul', 'rotation table', heads.table, m, dim / 2) };
}

/** Bindings of the heads' weights, for each of `problems` products, and of the angles. */
export function headBindings({ dim, table }: ResolvedHeads, problems: number): BindingSpec[] {
  return [
    { name: 'norms', access: 'read', byteLength: problems * 2 * dim * 4 },
    { name: 'cosines', access: 'read', byteLength: table.end * 4 },
    { name: 'sines', access: 'read', byteLength: table.end * 4 },
  ];
}

/** The part of the shader that ends heads. */
export function headSource({ dim, pairs }: ResolvedHeads): string {
  return `const HEAD_DIM: u32 = ${dim}u;\nconst HEAD_HALF: bool = ${pairs === 'half'};\n${body}`;
}

/** The heads' fields of Params. */
export function headFields(heads: ResolvedHeads | undefined): UniformField[] {
  return [
    { u32: heads?.queries ?? 0 },
    { u32: heads?.keys ?? 0 },
    { f32: heads?.eps ?? 0 },
    { u32: heads?.table.offset ?? 0 },
    { u32: heads?.table.stride ?? 0 },
  ];
}

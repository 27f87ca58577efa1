import { ShapeError } from '../errors.ts';
import { resolveView, type RowView } from '../row-view.ts';

/**
 * Two products of the same n and k in one dispatch: rows of x before `at` belong to the first, the others to the second.
 * On the matrix unit alone, batch 1.
 *
 * w holds both weights, `w.batchStride` apart; the bindings `bias`, `scales` and `norms` hold what belongs to the first, then
 * what belongs to the second. Each product has tiles of its own, so a row's result is that of the product alone.
 */
export interface MatmulSplit {
  /** 0 < at < m. */
  readonly at: number;
  /** Of `gated`: the element at which the second's gate starts in row 0 of the table. An index is of the second's rows. */
  readonly gateOffset?: number;
  /** Where the second's rows of out lie: after the first's in the same view where absent. */
  readonly out?: {
    readonly offset: number;
    /** In the binding `out_second` (f32, read_write) after `out`; absent: in `out`. */
    readonly isSeparate?: boolean;
  };
}

/** A checked MatmulSplit, as Params has it. */
export interface ResolvedSplit {
  readonly at: number;
  readonly gateStep: number;
  /** Elements by which the second's rows are displaced, counted on from the first's: modulo 2^32. */
  readonly outStep: number;
  /** Elements of `out` and of `out_second` (0 = no such binding). */
  readonly outEnd: number;
  readonly secondEnd: number;
}

/**
 * Checks a split of a product [m, n].
 *
 * @throws ShapeError if a part is empty, or rows of out leave 32 bits
 */
export function resolveSplit(
  split: MatmulSplit,
  problem: {
    readonly m: number;
    readonly n: number;
    readonly batch: number;
    readonly out: Required<RowView>;
    readonly gate: { readonly offset: number };
    /** Whether quads of out are whole. */
    readonly isWhole: boolean;
  },
): ResolvedSplit {
  const { at } = split;
  const { m, n, batch, out, gate, isWhole } = problem;
  if (!Number.isInteger(at) || at < 1 || at >= m)
    throw new ShapeError(`matmul: split.at must be a whole number in [1, ${m}), got ${at}. Plan one product instead.`);
  const { offset, stride } = out;
  if (batch !== 1) throw new ShapeError(`matmul: a split product has no batch, got ${batch}.`);
  const second = split.out?.offset ?? offset + at * stride;
  const { end } = resolveView('matmul', 'second out', { offset: second, stride }, m - at, n);
  const firstEnd = resolveView('matmul', 'out', { offset, stride }, at, n).end;
  const isSeparate = split.out?.isSeparate === true;
  if (!isWhole || second % 4 !== 0)
    throw new ShapeError(
      `matmul: a split product needs n, strides and both offsets of out to be multiples of 4, got n = ${n}, ${offset}, ${second}.`,
    );
  if (!isSeparate && second < firstEnd && offset < end)
    throw new ShapeError(`matmul: both parts of out overlap: elements from ${offset} and from ${second} on.`);
  return {
    at,
    gateStep: ((split.gateOffset ?? gate.offset) - gate.offset) >>> 0,
    outStep: (second - at * stride - offset) >>> 0,
    outEnd: isSeparate ? firstEnd : Math.max(firstEnd, end),
    secondEnd: isSeparate ? end : 0,
  };
}

import type { DType } from '../dtype.ts';
import { DTypeError, ShapeError } from '../errors.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { resolveHeads, type MatmulHeads, type ResolvedHeads } from './matmul-heads.ts';
import { resolveSplit, type MatmulSplit, type ResolvedSplit } from './matmul-split.ts';

/** Where the rows of a batched matrix lie: element (b, r, c) is at `offset + b * batchStride + r * stride + c`. */
export interface BatchedView extends RowView {
  /** Elements from one matrix of the batch to the next; 0 (the same matrix for all) where absent. */
  readonly batchStride?: number;
}

/** How w lies in its buffer: `nk` = [N, K], as torch keeps a Linear's weight; `kn` = [K, N]. */
export type WeightOrder = 'nk' | 'kn';

/** The right-hand operand: a weight, or an activation (dtype f32 and a batch stride, say). */
export interface MatmulWeightView extends BatchedView {
  /**
   * `i8` has an f32 scale per output channel (binding `scales` [N]) that multiplies the sum. `i4` is two codes to a byte, each
   * value (code - 8) times the scale of its group of inputs (`scales`: packed f16, in the order of the groups in w).
   */
  readonly dtype: 'f32' | 'f16' | 'bf16' | 'i8' | 'i4';
  /** Of `i4`: inputs that share a scale, a multiple of 8 that divides offset and strides; 64 where absent. */
  readonly group?: number;
  readonly order: WeightOrder;
  /** Matrices of the batch that share one w (grouped-query attention); 1 where absent. */
  readonly batchGroup?: number;
}

/** What happens to the sums on their way out: act(alpha * scale * sum + bias), then stored or added. */
export interface MatmulEpilogue {
  /** Binding `bias`, f32 [N]. */
  readonly bias?: boolean;
  readonly activation?: 'gelu_tanh' | 'silu';
  /** In place: `out += v` (`residual`), `out += gate[row, c] * v` (`gated`); out = v where absent. */
  readonly add?: 'residual' | 'gated';
  /** Of `gated`: where the modulation table's rows lie (f32; N columns of each are used), and which row a row of out takes. */
  readonly gate?: MatmulGate;
  /** Norm and rotation of heads, on the matrix unit alone; not with an activation or `add`, batch 1. */
  readonly heads?: MatmulHeads;
}

/** The gate operand: row 0 of the table for all rows of out, or `rows[rowOffset + r]` (u32) for row r. */
export interface MatmulGate extends RowView {
  readonly indexed?: boolean;
  /** Rows that the table has at least; 1 where absent. */
  readonly tableRows?: number;
  /** First element of the `rows` binding that is used; 0 where absent. */
  readonly rowOffset?: number;
}

/**
 * out[b, r, c] = epilogue(alpha * sum_k x[b, r, k] * w[b, c, k]), r < m, c < n, k < `k`.
 *
 * Views count elements; strides default to dense rows. `f16` of x and out is packed, two to a word.
 */
export interface MatmulSpec extends MatmulEpilogue {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /** `i8` has an f32 scale per row (binding `row_scales` [M]) that multiplies the sums; w must be i8 in order nk, batch 1. */
  readonly x?: BatchedView & { readonly dtype?: 'f32' | 'f16' | 'i8' };
  readonly w: MatmulWeightView;
  readonly out?: BatchedView & { readonly dtype?: 'f32' | 'f16' };
  /** Factor on every sum; 1 where absent. */
  readonly alpha?: number;
  /**
   * A power of two that f32 x is multiplied by where a variant rounds it to f16 (its largest value times this must stay
   * below 65504), taken back in f32; 1 where absent. Variants that compute in f32 ignore it.
   */
  readonly xScale?: number;
  /** Two products in one dispatch: rows from `split.at` on have weights and an epilogue of their own. */
  readonly split?: MatmulSplit;
}

/** An operand with its defaults filled in. */
export interface ResolvedOperand {
  readonly dtype: DType | 'i4';
  readonly offset: number;
  readonly stride: number;
  readonly batchStride: number;
  /** Reads and writes may go by four elements. */
  readonly isAligned: boolean;
  /** Bytes that the kernel may touch. */
  readonly byteLength: number;
}

/** A checked MatmulSpec. */
export interface ResolvedMatmul {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  readonly batchGroup: number;
  readonly order: WeightOrder;
  readonly x: ResolvedOperand;
  readonly w: ResolvedOperand;
  readonly out: ResolvedOperand;
  readonly gate: { readonly offset: number; readonly stride: number; readonly end: number; readonly rowOffset: number };
  readonly alpha: number;
  readonly heads?: ResolvedHeads;
  readonly split?: ResolvedSplit;
}

type OperandDType = MatmulWeightView['dtype'];

const BYTES: Readonly<Record<OperandDType, number>> = { f32: 4, f16: 2, bf16: 2, i8: 1, i4: 0.5 };

/** Inputs that share a scale in an i4 weight, unless told. */
export const I4_GROUP = 64;

/**
 * Checks a spec and fills in its defaults.
 *
 * @throws ShapeError if a size is not a positive whole number, rows of out would overlap, an address leaves 32 bits, or a
 *   packed operand cannot be read four elements at a time
 * @throws DTypeError if a packed output would be written in part
 */
export function resolveMatmul(spec: MatmulSpec): ResolvedMatmul {
  const { m, n, k, batch = 1 } = spec;
  const batchGroup = spec.w.batchGroup ?? 1;
  requireSizes('matmul', { m, n, k, batch, batchGroup });
  const alpha = spec.alpha ?? 1;
  if (!Number.isFinite(alpha)) throw new ShapeError(`matmul: alpha must be a finite number, got ${alpha}.`);
  const { xScale = 1 } = spec;
  if (!(xScale > 0) || Math.log2(xScale) % 1 !== 0)
    throw new ShapeError(`matmul: xScale must be a power of two, got ${xScale}.`);
  const x = resolveOperand('x', spec.x?.dtype ?? 'f32', spec.x, m, k, batch);
  const [wRows, wColumns] = spec.w.order === 'nk' ? [n, k] : [k, n];
  const w = resolveOperand('w', spec.w.dtype, spec.w, wRows, wColumns, spec.split ? 2 : Math.ceil(batch / batchGroup));
  if (w.dtype === 'i4') requireGroups(spec.w, w);
  const out = resolveOperand('out', spec.out?.dtype ?? 'f32', spec.out, m, n, batch);
  if (batch > 1 && out.batchStride === 0)
    throw new ShapeError(`matmul: the ${batch} matrices of out overlap: batchStride is 0.`);
  const isWhole = out.isAligned && n % 4 === 0;
  if (out.dtype === 'f16' && !isWhole)
    throw new DTypeError(`matmul: an f16 output needs n and its strides to be multiples of 4, got n = ${n}. Use f32.`);
  if (x.dtype === 'i8' && (w.dtype !== 'i8' || spec.w.order !== 'nk' || batch !== 1))
    throw new DTypeError(
      `matmul: i8 activations need an i8 weight in order nk and batch 1, got ${w.dtype}, ${spec.w.order}, ${batch}.`,
    );
  const isGated = spec.add === 'gated';
  if (isGated !== (spec.gate !== undefined))
    throw new ShapeError(`matmul: "gate" goes with add: "gated" and only with it, got add = ${spec.add ?? 'none'}.`);
  if (spec.heads && (spec.activation || spec.add || batch > 1))
    throw new ShapeError(
      `matmul: heads go with neither an activation nor add nor a batch, got ${spec.activation ?? 'none'}, ${spec.add ?? 'none'}, ${batch}.`,
    );
  const gate = resolveView('matmul', 'gate', spec.gate, spec.gate?.tableRows ?? 1, n);
  const split = spec.split && resolveSplit(spec.split, { m, n, batch, out, gate, isWhole });
  const gateEnd = gate.end + Math.max(0, (split ? (spec.split?.gateOffset ?? gate.offset) : gate.offset) - gate.offset);
  return {
    m,
    n,
    k,
    batch,
    batchGroup,
    order: spec.w.order,
    x,
    w,
    out: {
      ...out,
      isAligned: isWhole,
      ...(split ? { byteLength: split.outEnd * BYTES[out.dtype as 'f32' | 'f16'] } : {}),
    },
    gate: { ...gate, end: gateEnd, rowOffset: spec.gate?.rowOffset ?? 0 },
    ...(split ? { split } : {}),
    alpha,
    ...(spec.heads ? { heads: resolveHeads(spec.heads, m, n) } : {}),
  };
}

function requireGroups({ order, group = I4_GROUP }: MatmulWeightView, w: ResolvedOperand): void {
  if (order !== 'nk')
    throw new ShapeError('matmul: an i4 weight must lie in order nk: its groups run along the inputs.');
  if (!Number.isInteger(group) || group < 8 || group % 8 !== 0)
    throw new ShapeError(`matmul: groups of an i4 weight must be multiples of 8 inputs, got ${group}.`);
  if ([w.offset, w.stride, w.batchStride].some((count) => count % group !== 0))
    throw new ShapeError(
      `matmul: rows of an i4 weight must start at multiples of its group of ${group}, got offset ${w.offset}, stride ${w.stride}. Pad them (packMatmulWeight does).`,
    );
}

function resolveOperand(
  name: string,
  dtype: OperandDType,
  view: BatchedView | undefined,
  rows: number,
  columns: number,
  batch: number,
): ResolvedOperand {
  const { offset, stride, end } = resolveView('matmul', name, view, rows, columns);
  const batchStride = view?.batchStride ?? 0;
  if (!Number.isInteger(batchStride) || batchStride < 0)
    throw new ShapeError(`matmul: batchStride of ${name} must be a whole, non-negative number, got ${batchStride}.`);
  // A row of 4-aligned stride has room for its last quad, so reads by four stay inside of the rows.
  const isAligned = isVec4(offset, stride, batchStride);
  if (dtype !== 'f32' && !isAligned)
    throw new ShapeError(
      `matmul: packed ${dtype} rows of ${name} must start at multiples of 4 elements, got offset ${offset}, stride ${stride}. Pad them (packMatmulWeight does).`,
    );
  const last = end + (batch - 1) * batchStride;
  const whole = dtype === 'i4' ? 8 : 4;
  const elements = isAligned ? Math.ceil(last / whole) * whole : last;
  if (elements > 0xffffffff)
    throw new ShapeError(`matmul: ${name} ends at element ${last}, past 32-bit addresses. Split it.`);
  return { dtype, offset, stride, batchStride, isAligned, byteLength: elements * BYTES[dtype] };
}

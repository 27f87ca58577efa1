import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { spreadGrid } from '../grid.ts';
import { matrixUnit } from '../matrix-unit.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type ResolvedView, type RowView } from '../row-view.ts';
import { sizeClass, tunedFirst } from '../tuning.ts';
import { packUniform } from '../uniform.ts';
import {
  describeMatrixAttention,
  isMatrixAttention,
  matrixAttentionVariants,
  paddedKeyRows,
  prefersMatrixAttention,
  type MatrixAttentionOptions,
  type MatrixAttentionVariant,
} from './attention-matrix.ts';
import { MAX_MATRIX_HEAD } from './attention-matrix-layout.ts';
import { wgsl as accessHalf } from './access-half.wgsl.ts';
import { wgsl as accessScalar } from './access-scalar.wgsl.ts';
import { wgsl as accessVec4 } from './access-vec4.wgsl.ts';
import { wgsl as flash } from './flash.wgsl.ts';
import { wgsl as keysAll } from './keys-all.wgsl.ts';
import { wgsl as keysMasked } from './keys-masked.wgsl.ts';
import { wgsl as problem } from './problem.wgsl.ts';
import { wgsl as rowwise } from './rowwise.wgsl.ts';

const OP = 'attention';

export { isMatrixAttention, matrixAttentionRows, packBlocks, paddedKeyRows } from './attention-matrix.ts';

/**
 * `flash` keeps scores in workgroup memory (GPUs); `rowwise` has no barriers and compiles fast (software drivers); `matrix`
 * and `matrix-...` do as `flash` on a matrix unit: products of f16, sums and softmax in f32.
 */
export type AttentionVariant = 'flash' | 'rowwise' | MatrixAttentionVariant;

/** Widest head that the kernels' register arrays are laid out for. */
export const MAX_HEAD_DIM = 512;

/** Softmax attention of query rows over key rows; heads lie side by side in the columns. */
export interface AttentionOptions extends MatrixAttentionOptions {
  readonly queryRows: number;
  readonly keyRows: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads; a divisor of `heads`: query head h reads head floor(h * keyHeads / heads). */
  readonly keyHeads?: number;
  readonly headDim: number;
  /** Of the scores before softmax; 1 / sqrt(headDim) where absent. */
  readonly scale?: number;
  /** Whether a binding `mask` (u32, one word per key) hides the keys whose word is 0. */
  readonly masked?: boolean;
  /** First element of `mask` to use. */
  readonly maskOffset?: number;
  /** Query row i sees keys 0 ... i + offset only. */
  readonly causal?: { readonly offset: number };
  /** [queryRows, heads * headDim]. */
  readonly q?: RowView;
  /** [keyRows, keyHeads * headDim]. */
  readonly k?: RowView;
  /** [keyRows, keyHeads * headDim]. */
  readonly v?: RowView;
  /** [queryRows, heads * headDim]. */
  readonly out?: RowView;
}

/** What decides which variant is the fastest. */
type VariantNeeds = Pick<AttentionOptions, 'headDim' | 'keyNorm' | 'keyValues' | 'lse' | 'blocks'> &
  Partial<Pick<AttentionOptions, 'queryRows' | 'keyRows' | 'heads' | 'keyHeads' | 'causal' | 'masked'>>;

/**
 * Names of the variants that run on a device, the planner's choice first; with a head's size also those of the matrix unit,
 * and with the problem's sizes the tuning table's choice.
 */
export function attentionVariants(facts: DeviceFacts, options?: VariantNeeds): readonly AttentionVariant[] {
  const plain: readonly AttentionVariant[] = facts.kind === 'software' ? ['rowwise', 'flash'] : ['flash', 'rowwise'];
  const matrix = options ? matrixAttentionVariants(facts, options.headDim, options) : [];
  if (options?.keyValues === 'f16') return matrix;
  if (!options || matrix.length === 0) return plain;
  // Packed sequences were cut to the rows of `matrix`.
  if (options.blocks !== undefined) return ['matrix'];
  const isPreferred = prefersMatrixAttention(facts, options.headDim, options.keyNorm);
  const ranked = options.lse ? matrix : isPreferred ? [...matrix, ...plain] : [...plain, ...matrix];
  const shapeClass = attentionShapeClass(options);
  return shapeClass === undefined ? ranked : tunedFirst(facts, OP, shapeClass, ranked);
}

/** Problems of one class have the same fastest variant, as far as the tuner can tell; undefined where sizes are missing. */
export function attentionShapeClass(options: VariantNeeds): string | undefined {
  const { queryRows, keyRows, heads, keyHeads = heads, headDim, keyNorm } = options;
  if (queryRows === undefined || keyRows === undefined || heads === undefined) return undefined;
  const notes = [
    keyHeads === heads ? '' : ` of ${keyHeads}`,
    keyNorm === undefined ? '' : ' normed',
    options.causal ? ' causal' : '',
    options.masked ? ' masked' : '',
    options.lse ? ' lse' : '',
  ];
  return `q${sizeClass(queryRows)} k${sizeClass(keyRows)} ${heads}x${headDim}${notes.join('')}`;
}

/**
 * Plans out = softmax(scale q k^T) v for each head. Bindings: q, k, v, [mask u32], [blocks u32], out, [lse f32]; f32, but
 * k and v f16 where `keyValues` says so.
 *
 * Rows that may see no key (all masked) give zeros. k and v of keys that the mask hides are never used and may be NaN. So may
 * k of keys that `causal` hides, but not v: other rows of a tile see them, and their weight of 0 meets v. It must be finite,
 * on the matrix unit after rounding to f16 (with vScale).
 *
 * @throws ShapeError if sizes are not positive whole numbers, headDim exceeds MAX_HEAD_DIM, heads do not divide, or the variant
 *   or keyValues cannot do what the options ask
 */
export function planAttention(facts: DeviceFacts, options: AttentionOptions, variant?: AttentionVariant): KernelPlan {
  const { queryRows, keyRows, heads, headDim, keyHeads = heads, maskOffset = 0, causal } = options;
  requireSizes(OP, { queryRows, keyRows, heads, keyHeads, headDim });
  if (heads % keyHeads !== 0)
    throw new ShapeError(`${OP}: heads must be a multiple of keyHeads, got ${heads} and ${keyHeads}.`);
  if (headDim > MAX_HEAD_DIM) throw new ShapeError(`${OP}: headDim must be at most ${MAX_HEAD_DIM}, got ${headDim}.`);
  const q = resolveView(OP, 'q', options.q, queryRows, heads * headDim);
  const k = resolveView(OP, 'k', options.k, keyRows, keyHeads * headDim);
  const v = resolveView(OP, 'v', options.v, keyRows, keyHeads * headDim);
  const out = resolveView(OP, 'out', options.out, queryRows, heads * headDim);
  const views = [q, k, v, out];
  const vec4 = isVec4(headDim, ...views.flatMap((view) => [view.offset, view.stride]));
  const width = vec4 ? 4 : 1;
  const vecs = Math.ceil(headDim / 4);
  const { keyNorm = 0, vScale = 1, lse = false, blocks } = options;
  const isDirect = options.keyValues === 'f16';
  if (isDirect) requireDirect(facts, options, { q, k, v, out }, variant);
  const name = variant ?? attentionVariants(facts, options)[0] ?? (isDirect ? 'matrix' : 'flash');
  if (!isMatrixAttention(name) && (lse || blocks !== undefined))
    throw new ShapeError(`${OP}: ${lse ? 'lse' : 'blocks'} needs variant "matrix", got "${name}".`);
  if (blocks !== undefined && name !== 'matrix')
    throw new ShapeError(`${OP}: packed sequences are cut for variant "matrix", got "${name}".`);
  if (causal && blocks !== undefined) throw new ShapeError(`${OP}: packed sequences cannot be causal.`);
  if (!(vScale > 0) || Math.log2(vScale) % 1 !== 0)
    throw new ShapeError(`${OP}: vScale must be a power of two, got ${vScale}.`);
  const mask: BindingSpec | undefined = options.masked
    ? { name: 'mask', access: 'read', byteLength: (maskOffset + keyRows) * 4 }
    : undefined;
  const sizes = { headDim, queryRows, keyRows, heads, mask };
  const layout: Layout = isMatrixAttention(name)
    ? describeMatrixAttention(facts, sizes, options, name)
    : { ...(name === 'flash' ? layFlash(vecs) : layRowwise(vecs)), inputs: mask ? [mask] : [], outputs: [] };
  const bytesOf = ({ end, stride }: ResolvedView): number =>
    isDirect ? (end + (paddedKeyRows(keyRows) - keyRows) * stride) * 2 : end * 4;
  const rowTiles = blocks ?? Math.ceil(queryRows / layout.rows);
  return {
    op: OP,
    variant: `${name},${vec4 ? 'vec4' : 'scalar'},${layout.label}${options.masked ? ',masked' : ''}`,
    sources: [
      layout.prelude,
      problem,
      isDirect ? accessHalf : vec4 ? accessVec4 : accessScalar,
      ...(isMatrixAttention(name) ? [] : [options.masked ? keysMasked : keysAll]),
      layout.body,
    ],
    constants: {},
    bindings: [
      { name: 'q', access: 'read', byteLength: q.end * 4 },
      { name: 'k', access: 'read', byteLength: bytesOf(k) },
      { name: 'v', access: 'read', byteLength: bytesOf(v) },
      ...layout.inputs,
      { name: 'out', access: 'read_write', byteLength: out.end * 4 },
      ...layout.outputs,
    ],
    uniform: packUniform([
      { u32: queryRows },
      { u32: keyRows },
      { u32: heads },
      { u32: heads / keyHeads },
      { u32: headDim },
      { u32: headDim / width },
      { u32: vecs },
      { u32: rowTiles },
      ...views.flatMap((view) => [{ u32: view.offset / width }, { u32: view.stride / width }]),
      { u32: maskOffset },
      { u32: causal ? 1 : 0 },
      { u32: causal?.offset ?? 0 },
      { f32: options.scale ?? 1 / Math.sqrt(headDim) },
      { f32: keyNorm },
      { f32: vScale },
    ]),
    workgroups: spreadGrid(heads * rowTiles, facts.limits),
    flops: attentionFlops(options),
    bytes: (2 * queryRows * heads * 4 + 2 * keyRows * keyHeads * (isDirect ? 2 : 4)) * headDim,
  };
}

/**
 * Asks for what reading k and v as they lie needs: matrices of f16, elements of eight of k and v, of four of q and out.
 *
 * @throws ShapeError that names the first argument at fault
 */
function requireDirect(
  facts: DeviceFacts,
  { headDim, masked = false, blocks, vScale = 1 }: AttentionOptions,
  views: Readonly<Record<'q' | 'k' | 'v' | 'out', ResolvedView>>,
  variant: AttentionVariant | undefined,
): void {
  const what = `${OP}: keyValues "f16"`;
  if (variant !== undefined && !isMatrixAttention(variant))
    throw new ShapeError(`${what} needs a variant of the matrix unit, got "${variant}".`);
  const hasUnit = matrixUnit(facts, 'f16') !== undefined;
  if (!hasUnit || headDim % 16 !== 0 || headDim > MAX_MATRIX_HEAD)
    throw new ShapeError(
      `${what} needs a matrix unit and headDim a multiple of 16 up to ${MAX_MATRIX_HEAD}, got headDim ${headDim}${hasUnit ? '' : ' and no unit'}.`,
    );
  if (masked) throw new ShapeError(`${what} takes no mask, got masked ${masked}.`);
  if (blocks !== undefined) throw new ShapeError(`${what} takes no packed sequences, got blocks ${blocks}.`);
  if (vScale !== 1) throw new ShapeError(`${what} takes no vScale but 1, got ${vScale}.`);
  for (const [name, { offset, stride }] of Object.entries(views)) {
    const unit = name === 'k' || name === 'v' ? 8 : 4;
    for (const [field, count] of Object.entries({ offset, stride }))
      if (count % unit !== 0)
        throw new ShapeError(`${what} needs ${name}.${field} to be a multiple of ${unit}, got ${count}.`);
  }
}

/** Multiply-adds of both products, counted as two operations each; half of them where causal. */
function attentionFlops({ queryRows, keyRows, heads, headDim, causal }: AttentionOptions): number {
  let pairs = queryRows * keyRows;
  if (causal) {
    pairs = 0;
    for (let row = 0; row < queryRows; row++) pairs += Math.min(keyRows, row + causal.offset + 1);
  }
  return 4 * pairs * heads * headDim;
}

interface Layout {
  readonly label: string;
  readonly prelude: string;
  readonly body: string;
  /** Query rows that a workgroup takes. */
  readonly rows: number;
  /** Bindings between v and out, and after out. */
  readonly inputs: readonly BindingSpec[];
  readonly outputs: readonly BindingSpec[];
}

/** Rows per invocation and chunks of the head: few enough accumulators (at most 64 vec4s) to stay in registers. */
function layFlash(vecs: number): Omit<Layout, 'inputs' | 'outputs'> {
  const chunks = Math.ceil(vecs / 32);
  const rows = chunks === 1 ? 4 : 2;
  const prelude = `const R: u32 = ${rows}u;\nconst CHUNKS: u32 = ${chunks}u;\n`;
  return { label: `R=${rows},C=${chunks}`, prelude, body: flash, rows: 16 * rows };
}

/** Register arrays are rounded up to a power of two, so that head sizes share pipelines. */
function layRowwise(vecs: number): Omit<Layout, 'inputs' | 'outputs'> {
  let size = 8;
  while (size < vecs) size *= 2;
  return { label: `V=${size}`, prelude: `const VECS: u32 = ${size}u;\n`, body: rowwise, rows: 8 };
}

import type { DeviceFacts } from '../facts.ts';
import { ShapeError } from '../errors.ts';
import { spreadGrid } from '../grid.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { sizeClass, tunedFirst } from '../tuning.ts';
import { packUniform } from '../uniform.ts';
import { describeDot, dotVariants, isDotVariant, type DotVariant } from './matmul-dot.ts';
import { outerFrame, tiledFrame } from './matmul-frames.ts';
import { describeMatrix, isMatrixVariant, matrixVariants, prefersMatrix, type MatrixVariant } from './matmul-matrix.ts';
import { headBindings, headFields, headSource } from './matmul-heads.ts';
import { I4_GROUP, resolveMatmul, type MatmulSpec, type ResolvedMatmul, type WeightOrder } from './matmul-spec.ts';
import { wgsl as activationGelu } from './activation-gelu-tanh.wgsl.ts';
import { wgsl as activationNone } from './activation-none.wgsl.ts';
import { wgsl as activationSilu } from './activation-silu.wgsl.ts';
import { wgsl as biasChannel } from './bias-channel.wgsl.ts';
import { wgsl as biasNone } from './bias-none.wgsl.ts';
import { wgsl as combineGated } from './combine-gated.wgsl.ts';
import { wgsl as combineGatedRows } from './combine-gated-rows.wgsl.ts';
import { wgsl as combineResidual } from './combine-residual.wgsl.ts';
import { wgsl as combineStore } from './combine-store.wgsl.ts';
import { wgsl as finish } from './finish.wgsl.ts';
import { wgsl as gemvBody } from './matmul-gemv.wgsl.ts';
import { wgsl as naiveBody } from './matmul-naive.wgsl.ts';
import { wgsl as outerUnrolledBody } from './matmul-outer-unrolled.wgsl.ts';
import { wgsl as orderKn } from './w-order-kn.wgsl.ts';
import { wgsl as orderNk } from './w-order-nk.wgsl.ts';
import { wgsl as outF16 } from './out-f16.wgsl.ts';
import { wgsl as outF32 } from './out-f32.wgsl.ts';
import { wgsl as outF32Two } from './out-f32-two.wgsl.ts';
import { wgsl as outF32Unaligned } from './out-f32-unaligned.wgsl.ts';
import { wgsl as outerProducts } from './outer-f32.wgsl.ts';
import { wgsl as params } from './params.wgsl.ts';
import { wgsl as problemOne } from './problem-one.wgsl.ts';
import { wgsl as problemTwo } from './problem-two.wgsl.ts';
import { wgsl as scaleChannel } from './scale-channel.wgsl.ts';
import { wgsl as scaleNone } from './scale-none.wgsl.ts';
import { wgsl as tiledElements } from './tiled-f32.wgsl.ts';
import { wgsl as wBf16 } from './w-bf16.wgsl.ts';
import { wgsl as wF16 } from './w-f16.wgsl.ts';
import { wgsl as wF32 } from './w-f32.wgsl.ts';
import { wgsl as wF32Unaligned } from './w-f32-unaligned.wgsl.ts';
import { wgsl as wI4 } from './w-i4.wgsl.ts';
import { wgsl as wI8 } from './w-i8.wgsl.ts';
import { wgsl as rowScale } from './row-scale.wgsl.ts';
import { wgsl as rowScaleNone } from './row-scale-none.wgsl.ts';
import { wgsl as xF16 } from './x-f16.wgsl.ts';
import { wgsl as xI8 } from './x-i8.wgsl.ts';
import { wgsl as xF32 } from './x-f32.wgsl.ts';
import { wgsl as xF32Unaligned } from './x-f32-unaligned.wgsl.ts';

export { isMatrixVariant, type MatrixVariant } from './matmul-matrix.ts';
export type { MatmulHeads } from './matmul-heads.ts';
export type { MatmulSplit } from './matmul-split.ts';
export type {
  BatchedView,
  MatmulEpilogue,
  MatmulGate,
  MatmulSpec,
  MatmulWeightView,
  WeightOrder,
} from './matmul-spec.ts';

/**
 * The algorithms. `naive` is the readable one. `outer4` to `outer32` and `outer-unrolled` are for software drivers (the
 * number = rows a lane), `tiled64` and `tiled128` for GPUs without matrix units, `gemv` for at most 4 rows there,
 * `dot...` for i8 by i8 (matmul-dot.ts), and `matrix-...` for devices with a matrix unit, a variant for each tile that fits.
 */
export type MatmulVariant =
  | MatrixVariant
  | DotVariant
  | 'naive'
  | 'outer4'
  | 'outer16'
  | 'outer32'
  | 'outer-unrolled'
  | 'tiled64'
  | 'tiled128'
  | 'gemv';

/**
 * Plans out = epilogue(alpha * x w^T) (see MatmulSpec); sums are f32 whatever the operands are.
 *
 * Bindings in order: `x`, `w`, then as the spec asks `scales` (w of i8, i4), `row_scales` (x of i8), `bias`, `gate`, `rows` (gate by index), `norms`, `cosines`, `sines` (heads), then `out` (and `out_second` of a split).
 *
 * @param variant forces an algorithm; the planner's choice where absent
 * @throws ShapeError, DTypeError if the spec is not valid or the variant cannot run it on this device
 */
export function planMatmul(facts: DeviceFacts, spec: MatmulSpec, variant?: MatmulVariant): KernelPlan {
  const problem = resolveMatmul(spec);
  const possible = variantsOf(facts, problem);
  const name = variant ?? possible[0];
  if (possible.length === 0)
    throw new ShapeError(
      problem.heads
        ? `matmul: no tile of this device's matrix unit holds whole heads of ${problem.heads.dim}. Use qk_norm_rope after the product.`
        : 'matmul: this device has no matrix unit for a split product. Use two products.',
    );
  if (!possible.includes(name))
    throw new ShapeError(
      `matmul: variant "${name}" cannot run m = ${problem.m}, order ${problem.order} on this device. Possible: ${possible.join(', ')}.`,
    );
  const parts = chooseParts(spec, problem);
  const algorithm = isMatrixVariant(name)
    ? matrixAlgorithm(facts, spec, problem, name, parts)
    : describeAlgorithm(name, facts, parts);
  const { split } = problem;
  const firstTiles = Math.ceil((split?.at ?? problem.m) / algorithm.rows);
  const tilesM = firstTiles + (split ? Math.ceil((problem.m - split.at) / algorithm.rows) : 0);
  const tilesN = Math.ceil(problem.n / algorithm.columns);
  const tiles = tilesM * tilesN * problem.batch;
  const { m, n, k, batch, x, w, out, gate } = problem;
  const { xScale = 1 } = algorithm;
  return {
    op: 'matmul',
    variant: `${name},${w.dtype}-${problem.order}${problem.heads ? ',heads' : ''}${split ? ',split' : ''}`,
    sources: [
      algorithm.prelude,
      bindingPrelude(parts.bindings),
      params,
      split ? problemTwo : problemOne,
      ...algorithm.operands,
      ...parts.epilogue,
      algorithm.body,
    ],
    constants: algorithm.constants,
    bindings: parts.bindings,
    uniform: packUniform([
      ...[m, n, k, tilesM, tilesN, tiles].map((u32) => ({ u32 })),
      ...[x.offset, x.stride, x.batchStride, w.offset, w.stride, w.batchStride, problem.batchGroup].map((u32) => ({
        u32,
      })),
      ...[out.offset, out.stride, out.batchStride, gate.offset, gate.stride, gate.rowOffset].map((u32) => ({ u32 })),
      { f32: problem.alpha / xScale },
      { f32: xScale },
      ...headFields(problem.heads),
      ...[split?.at ?? m, firstTiles, split?.gateStep ?? 0, split?.outStep ?? 0].map((u32) => ({ u32 })),
    ]),
    workgroups: spreadGrid(tiles, facts.limits),
    flops: 2 * m * n * k * batch,
    bytes: leastBytes(spec, problem),
  };
}

/**
 * Variants that can run a spec on a device, the planner's choice first.
 *
 * @throws ShapeError, DTypeError if the spec is not valid
 */
export function matmulVariants(facts: DeviceFacts, spec: MatmulSpec): readonly MatmulVariant[] {
  return variantsOf(facts, resolveMatmul(spec));
}

/**
 * Whether heads and a split of a spec are for this device: where the planner takes the matrix unit for the product without
 * them anyway, a tile holds whole heads, and number and size of the bindings suffice. If not, `qk_norm_rope` is to follow a
 * plain product, and two products are to be planned.
 *
 * @throws ShapeError, DTypeError if the spec is not valid
 */
export function fusesMatmul(facts: DeviceFacts, spec: MatmulSpec): boolean {
  const problem = resolveMatmul(spec);
  const { heads: _heads, split: _split, ...plain } = problem;
  const { bindings } = chooseParts(spec, problem);
  const most = Math.max(...bindings.map(({ byteLength }) => byteLength));
  return (
    most <= facts.limits.maxStorageBufferBindingSize &&
    isMatrixVariant(variantsOf(facts, plain)[0]) &&
    variantsOf(facts, problem).length > 0 &&
    bindings.length <= facts.limits.maxStorageBuffersPerShaderStage
  );
}

/** Products of one class have the same fastest variant, as far as the tuner can tell. */
export function matmulShapeClass(spec: MatmulSpec): string {
  return shapeClassOf(resolveMatmul(spec));
}

function shapeClassOf({ m, n, k, batch, order, x, w }: ResolvedMatmul): string {
  return `m${sizeClass(m)} n${n} k${k} ${x.dtype} ${w.dtype}-${order}${batch > 1 ? ' batch' : ''}`;
}

function variantsOf(facts: DeviceFacts, problem: ResolvedMatmul): MatmulVariant[] {
  return tunedFirst(facts, 'matmul', shapeClassOf(problem), rankVariants(facts, problem));
}

function rankVariants(facts: DeviceFacts, problem: ResolvedMatmul): MatmulVariant[] {
  const { m, n, order, w } = problem;
  if (problem.heads || problem.split) return matrixVariants(facts, problem);
  const gpu: MatmulVariant[] = [];
  if (m <= 4 && order === 'nk' && w.isAligned) gpu.push('gemv');
  const dot = dotVariants(problem);
  gpu.push(...dot.gpu);
  // 128 x 128 halves the traffic, but a grid of few tiles leaves most of a GPU idle.
  const isLarge = Math.ceil(m / 128) * Math.ceil(n / 128) * problem.batch >= 128;
  gpu.push(...(isLarge ? (['tiled128', 'tiled64'] as const) : (['tiled64', 'tiled128'] as const)));
  const looped: MatmulVariant[] =
    m <= 4
      ? ['outer4', 'outer16', 'outer32']
      : preferLong(problem)
        ? ['outer32', 'outer16', 'outer4']
        : ['outer16', 'outer32', 'outer4'];
  const matrix: MatmulVariant[] = matrixVariants(facts, problem);
  const [before, after] = prefersMatrix(facts, problem) ? [matrix, []] : [[], matrix];
  if (facts.kind === 'gpu') return [...before, ...gpu, 'naive', ...looped, 'outer-unrolled', ...dot.software, ...after];
  const software: MatmulVariant[] =
    facts.driver === 'lavapipe' ? [...looped, 'outer-unrolled'] : ['outer-unrolled', ...looped];
  return [...before, ...software, ...dot.software, ...gpu, 'naive', ...after];
}

/**
 * 32 rows a lane instead of 16 where the product is so large that running 1.2 times as fast pays for compiling twice as
 * long, and the rows past the end do not eat the gain.
 */
function preferLong({ m, n, k, batch }: ResolvedMatmul): boolean {
  return m * n * k * batch >= 2 ** 26 && Math.ceil(m / 32) * 32 <= 1.1 * Math.ceil(m / 16) * 16;
}

interface Algorithm {
  readonly body: string;
  /** What must come first: enables and constants. */
  readonly prelude: string;
  /** Reading of x and w. */
  readonly operands: readonly string[];
  readonly xScale?: number;
  readonly constants: Readonly<Record<string, number>>;
  /** Outputs of a workgroup. */
  readonly rows: number;
  readonly columns: number;
}

function matrixAlgorithm(
  facts: DeviceFacts,
  spec: MatmulSpec,
  problem: ResolvedMatmul,
  name: MatrixVariant,
  parts: Parts,
): Algorithm {
  const matrix = describeMatrix(facts, spec, problem, name, { xPart: parts.x, wPart: parts.w });
  if (!matrix) throw new ShapeError(`matmul: variant "${name}" does not fit this device's matrix unit.`);
  const { head, x, w, ...rest } = matrix;
  return { ...rest, prelude: head, operands: [x, w], constants: {} };
}

function describeAlgorithm(
  name: Exclude<MatmulVariant, MatrixVariant>,
  facts: DeviceFacts,
  { x, w, order }: Parts,
): Algorithm {
  const none = { prelude: '', operands: [x, w, order], constants: {} };
  // A workgroup of the outer variants is a subgroup where the driver tells its size; any size is right.
  const lanes = facts.subgroups && facts.subgroupMaxSize <= 64 ? facts.subgroupMaxSize : 8;
  if (isDotVariant(name)) return describeDot(name, lanes);
  switch (name) {
    case 'naive':
      return { ...none, body: naiveBody, rows: 16, columns: 16 };
    case 'gemv':
      return { ...none, body: gemvBody, rows: 4, columns: 8 };
    case 'outer-unrolled':
      return { ...none, body: outerUnrolledBody, constants: { WG: lanes }, rows: 8, columns: 8 * lanes };
    case 'outer4':
    case 'outer16':
    case 'outer32':
      return outerFrame(Number(name.slice('outer'.length)), lanes, [x, w, order, outerProducts]);
    case 'tiled64':
    case 'tiled128':
      return tiledFrame(Number(name.slice('tiled'.length)), [x, w, order, tiledElements]);
  }
}

/** The parts of the shader that follow from the operands and the epilogue, and the bindings they need. */
interface Parts {
  readonly bindings: readonly BindingSpec[];
  readonly x: string;
  readonly w: string;
  readonly order: string;
  readonly epilogue: readonly string[];
}

function chooseParts(spec: MatmulSpec, problem: ResolvedMatmul): Parts {
  const { n, m, x, w, out, gate, split } = problem;
  const problems = split ? 2 : 1;
  const weights = { f32: w.isAligned ? wF32 : wF32Unaligned, f16: wF16, bf16: wBf16, i8: wI8, i4: wI4 };
  const orders: Readonly<Record<WeightOrder, string>> = { nk: orderNk, kn: orderKn };
  const bindings: BindingSpec[] = [
    { name: 'x', access: 'read', byteLength: x.byteLength },
    { name: 'w', access: 'read', byteLength: w.byteLength },
  ];
  const { group = I4_GROUP } = spec.w;
  if (w.dtype === 'i8') bindings.push({ name: 'scales', access: 'read', byteLength: problems * n * 4 });
  if (w.dtype === 'i4')
    bindings.push({
      name: 'scales',
      access: 'read',
      byteLength: Math.ceil(Math.ceil((w.byteLength * 2) / group) / 2) * 4,
    });
  if (x.dtype === 'i8') bindings.push({ name: 'row_scales', access: 'read', byteLength: m * 4 });
  if (spec.bias) bindings.push({ name: 'bias', access: 'read', byteLength: problems * n * 4 });
  if (spec.gate) bindings.push({ name: 'gate', access: 'read', byteLength: gate.end * 4 });
  if (spec.gate?.indexed)
    bindings.push({ name: 'rows', access: 'read', byteLength: (gate.rowOffset + m - (split?.at ?? 0)) * 4 });
  if (problem.heads) bindings.push(...headBindings(problem.heads, problems));
  bindings.push({ name: 'out', access: 'read_write', byteLength: out.byteLength });
  const hasSecond = split !== undefined && split.secondEnd > 0;
  if (hasSecond) bindings.push({ name: 'out_second', access: 'read_write', byteLength: split.secondEnd * 4 });
  return {
    bindings,
    x: x.dtype === 'i8' ? xI8 : x.dtype === 'f16' ? xF16 : x.isAligned ? xF32 : xF32Unaligned,
    w: w.dtype === 'i4' ? `const W_GROUP: u32 = ${group}u;\n${wI4}` : weights[spec.w.dtype],
    order: orders[problem.order],
    epilogue: [
      out.dtype === 'f16' ? outF16 : hasSecond ? outF32Two : out.isAligned ? outF32 : outF32Unaligned,
      w.dtype === 'i8' ? scaleChannel : scaleNone,
      x.dtype === 'i8' ? rowScale : rowScaleNone,
      spec.bias ? biasChannel : biasNone,
      spec.activation === 'gelu_tanh' ? activationGelu : spec.activation === 'silu' ? activationSilu : activationNone,
      spec.gate
        ? spec.gate.indexed
          ? combineGatedRows
          : combineGated
        : spec.add === 'residual'
          ? combineResidual
          : combineStore,
      ...(problem.heads ? [finish, headSource(problem.heads)] : [finish]),
    ],
  };
}

/** `@binding` numbers as constants, so that each part can declare its own binding whatever the others are. */
function bindingPrelude(bindings: readonly BindingSpec[]): string {
  const names = [...bindings.map((binding) => binding.name), 'params'];
  return names.map((name, index) => `const BINDING_${name.toUpperCase()}: u32 = ${index}u;\n`).join('');
}

/** Bytes that must at least move: each operand once, out twice where it is added to. */
function leastBytes(spec: MatmulSpec, { m, n, k, batch, batchGroup, w, out, heads, split }: ResolvedMatmul): number {
  const bytes = { f32: 4, f16: 2, bf16: 2, i8: 1, i4: 0.5 + 2 / (spec.w.group ?? I4_GROUP) };
  const wBatch = split ? 2 : w.batchStride === 0 ? 1 : Math.ceil(batch / batchGroup);
  const outBytes = (out.dtype === 'f16' ? 2 : 4) * (spec.add ? 2 : 1);
  const perChannel = (spec.bias ? 4 : 0) + (w.dtype === 'i8' ? 4 : 0) + (spec.gate ? 4 : 0);
  return (
    { f32: 4, f16: 2, i8: 1 }[spec.x?.dtype ?? 'f32'] * m * k * batch +
    bytes[spec.w.dtype] * n * k * wBatch +
    outBytes * m * n * batch +
    perChannel * n +
    (heads ? 4 * heads.dim * (m + 2) : 0)
  );
}

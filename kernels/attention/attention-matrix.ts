import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { matrixEnables } from '../matrix-spelling.ts';
import { matrixUnit } from '../matrix-unit.ts';
import type { BindingSpec } from '../plan.ts';
import {
  fittingLayouts,
  KEY_PADDING,
  layMatrixAttention,
  layoutName,
  type KeySource,
} from './attention-matrix-layout.ts';
import { emitMatrixAttention, matrixAttentionConstants, type SoftmaxScheme } from './attention-matrix-text.ts';
import { wgsl as blockPacked } from './matrix-block-packed.wgsl.ts';
import { wgsl as blockWhole } from './matrix-block-whole.wgsl.ts';
import { wgsl as keysAll } from './matrix-keys-all.wgsl.ts';
import { wgsl as keysMasked } from './matrix-keys-masked.wgsl.ts';
import { wgsl as lseNone } from './matrix-lse-none.wgsl.ts';
import { wgsl as lseRows } from './matrix-lse-rows.wgsl.ts';
import { wgsl as outBinding } from './matrix-out.wgsl.ts';
import { wgsl as softmax } from './matrix-softmax.wgsl.ts';
import { wgsl as stage } from './matrix-stage.wgsl.ts';

/** What only the variant `matrix` can do, beside the plain problem. */
export interface MatrixAttentionOptions {
  /**
   * An estimate from above of the length of the keys' vectors, for keys that were normalised: the kernel then looks for no
   * maximum. A wrong estimate costs time, never correctness.
   */
  readonly keyNorm?: number;
  /** A power of two that brings v into f16's range; the result is the same. 1 where absent. */
  readonly vScale?: number;
  /** Whether a binding `lse` (f32 [heads, queryRows]) gets the log of the sum of exponentials of each row's scores. */
  readonly lse?: boolean;
  /** Length of a binding `blocks` (u32 [blocks, 4], `packBlocks` makes it): several sequences, each attending to itself. */
  readonly blocks?: number;
  /**
   * What k and v hold, `f32` where absent. Rows of `f16` are read as they lie, not staged: offsets and strides of k and v must
   * be multiples of 8 (of q and out: of 4), headDim of 16. `paddedKeyRows` rows must be readable; behind the last one v must
   * be finite, since it meets weights of 0, and k may hold anything.
   */
  readonly keyValues?: 'f32' | 'f16';
}

/** Rows that k and v must have where they are read as they lie. */
export function paddedKeyRows(keyRows: number): number {
  return Math.ceil(keyRows / KEY_PADDING) * KEY_PADDING;
}

/**
 * `matrix` = the planner's choice of a tile; the others name theirs, query rows x keys. With `-online` behind it the bound
 * `keyNorm` is not used: a row's maximum is looked for, and sums are rescaled where it has grown enough, as without a bound.
 */
export type MatrixAttentionVariant = `matrix${'' | `-${number}x${number}`}${'' | '-online'}`;

const ONLINE = '-online';

/** Whether a variant runs on the matrix unit. */
export function isMatrixAttention(variant: string): variant is MatrixAttentionVariant {
  return variant.startsWith('matrix');
}

/**
 * Variants on the matrix unit for heads of this size, `matrix` first; empty where a device has no such unit. Those without
 * the bound only where there is one.
 */
export function matrixAttentionVariants(
  facts: DeviceFacts,
  headDim: number,
  { keyNorm, keyValues }: Pick<MatrixAttentionOptions, 'keyNorm' | 'keyValues'> = {},
): MatrixAttentionVariant[] {
  const unit = matrixUnit(facts, 'f16');
  const layouts = unit ? fittingLayouts(unit, headDim, sourceOf(keyValues)) : [];
  const names = layouts.map((layout, i): MatrixAttentionVariant => (i === 0 ? 'matrix' : layoutName(layout)));
  if (schemeOf('matrix', keyNorm) === 'online') return names;
  return [...names, ...names.map((name) => `${name}${ONLINE}` as MatrixAttentionVariant)];
}

function sourceOf(keyValues: MatrixAttentionOptions['keyValues']): KeySource {
  return keyValues === 'f16' ? 'direct' : 'staged';
}

function schemeOf(variant: MatrixAttentionVariant, keyNorm = 0): SoftmaxScheme {
  return keyNorm > 0 && !variant.endsWith(ONLINE) ? 'static' : 'online';
}

/** Whether the planner takes `matrix` by itself: on GPUs where q and k are normalised, or where all prefer it. */
export function prefersMatrixAttention(facts: DeviceFacts, headDim: number, keyNorm?: number): boolean {
  if (matrixAttentionVariants(facts, headDim).length === 0) return false;
  return facts.preferMatrix ?? (facts.kind === 'gpu' && keyNorm !== undefined);
}

/** Query rows that a workgroup of `matrix` takes: how `packBlocks` must cut sequences. */
export function matrixAttentionRows(facts: DeviceFacts, headDim: number): number {
  const unit = matrixUnit(facts, 'f16');
  const layout = unit && layMatrixAttention(unit, headDim);
  if (!layout)
    throw new ShapeError(
      `attention: variant "matrix" does not fit headDim ${headDim} on this device. Use another one.`,
    );
  return layout.rows;
}

/**
 * The table of packed sequences: for each block of at most `rows` query rows [first, end) the keys [first, end) that it sees.
 *
 * @param lengths rows of each sequence; query and key rows lie one sequence after the other
 */
export function packBlocks(lengths: readonly number[], rows: number): Uint32Array {
  const blocks: number[] = [];
  let start = 0;
  for (const length of lengths) {
    if (!Number.isInteger(length) || length < 1)
      throw new ShapeError(`attention: a packed sequence needs at least 1 row, got ${length}.`);
    for (let row = 0; row < length; row += rows)
      blocks.push(start + row, Math.min(start + row + rows, start + length), start, start + length);
    start += length;
  }
  return Uint32Array.from(blocks);
}

/** Text of the variant around the access part, and its bindings after q, k and v. */
export interface MatrixAttentionParts {
  readonly label: string;
  /** Enables and constants: the first source. */
  readonly prelude: string;
  readonly body: string;
  readonly rows: number;
  readonly inputs: readonly BindingSpec[];
  readonly outputs: readonly BindingSpec[];
}

/** @throws ShapeError if the variant does not fit the device */
export function describeMatrixAttention(
  facts: DeviceFacts,
  problem: {
    readonly headDim: number;
    readonly queryRows: number;
    readonly keyRows: number;
    readonly heads: number;
    readonly mask: BindingSpec | undefined;
  },
  options: MatrixAttentionOptions,
  variant: MatrixAttentionVariant,
): MatrixAttentionParts {
  const unit = matrixUnit(facts, 'f16');
  const scheme = schemeOf(variant, options.keyNorm);
  const source = sourceOf(options.keyValues);
  const layout = unit && layMatrixAttention(unit, problem.headDim, variant.replace(ONLINE, ''), source);
  if (!unit || !layout)
    throw new ShapeError(
      `attention: variant "${variant}" does not fit headDim ${problem.headDim} on this device. Use another one.`,
    );
  const { blocks, lse } = options;
  const inputs: BindingSpec[] = [];
  if (problem.mask) inputs.push(problem.mask);
  if (blocks !== undefined) inputs.push({ name: 'blocks', access: 'read', byteLength: blocks * 16 });
  const lseBytes = problem.heads * problem.queryRows * 4;
  const outputs: BindingSpec[] = lse ? [{ name: 'lse', access: 'read_write', byteLength: lseBytes }] : [];
  const names = ['q', 'k', 'v', ...inputs.map(({ name }) => name), 'out', ...outputs.map(({ name }) => name), 'params'];
  const numbers = names.map((name, i) => `const BINDING_${name.toUpperCase()}: u32 = ${i}u;\n`).join('');
  return {
    label: `${layout.rows}x${layout.keys},W=${layout.width},${scheme}${source === 'direct' ? ',direct' : ''}${lse ? ',lse' : ''}${blocks === undefined ? '' : ',packed'}`,
    prelude:
      matrixEnables({ f16: true, subgroupSizeControl: unit.setsSize }) + numbers + matrixAttentionConstants(layout),
    body: [
      outBinding,
      problem.mask ? keysMasked : keysAll,
      blocks === undefined ? blockWhole : blockPacked,
      lse ? lseRows : lseNone,
      softmax,
      ...(source === 'staged' ? [stage] : []),
      emitMatrixAttention(unit, layout, scheme, source),
    ].join('\n'),
    rows: layout.rows,
    inputs,
    outputs,
  };
}

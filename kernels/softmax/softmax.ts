import type { DeviceFacts } from '../facts.ts';
import { ShapeError } from '../errors.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl as inputApart } from './input-apart.wgsl.ts';
import { wgsl as inputInPlace } from './input-in-place.wgsl.ts';
import { wgsl as maskKeys } from './mask-keys.wgsl.ts';
import { wgsl as maskNone } from './mask-none.wgsl.ts';
import { wgsl as maxScalar } from './max-scalar.wgsl.ts';
import { wgsl as maxVec4 } from './max-vec4.wgsl.ts';
import { wgsl as reduceMaxLane } from './reduce-max-lane.wgsl.ts';
import { wgsl as reduceMaxSubgroup } from './reduce-max-subgroup.wgsl.ts';
import { wgsl as reduceMaxWorkgroup } from './reduce-max-workgroup.wgsl.ts';
import { wgsl as body } from './softmax.wgsl.ts';

/** Softmax over the last axis of x [rows, columns] f32; elements between the rows of y are left alone. */
export interface SoftmaxOptions {
  readonly rows: number;
  /** Columns that count: a row may be longer in its buffer (stride). */
  readonly columns: number;
  /** Where x lies; absent: y is overwritten in place. */
  readonly x?: RowView;
  readonly y?: RowView;
  /** Binding `mask`, u32 [columns]: columns whose word is 0 get probability 0. */
  readonly masked?: boolean;
  /** First element of `mask` that is used; 0 where absent. */
  readonly maskOffset?: number;
  /** Row r sees columns 0 ... r % queryRows + offset only (queryRows: rows of one head; all rows where absent). */
  readonly causal?: { readonly offset: number; readonly queryRows?: number };
}

const REDUCE_MAX: Readonly<Record<RowSchemeName, string>> = {
  lane: reduceMaxLane,
  subgroup: reduceMaxSubgroup,
  workgroup: reduceMaxWorkgroup,
};

/** Names of the variants that run on a device, the planner's choice first. */
export function softmaxVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans y = exp(x - max) / sum per row. Bindings: x (unless in place), mask (if masked), y. A row that sees no column is
 * all zeros.
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the causal offset is not a whole number
 */
export function planSoftmax(facts: DeviceFacts, options: SoftmaxOptions, variant?: RowSchemeName): KernelPlan {
  const { rows, columns, masked = false, maskOffset = 0, causal } = options;
  const queryRows = causal?.queryRows ?? rows;
  requireSizes('softmax', { rows, columns, queryRows });
  if (causal && !Number.isInteger(causal.offset))
    throw new ShapeError(`softmax: the causal offset must be a whole number, got ${causal.offset}.`);
  const y = resolveView('softmax', 'y', options.y, rows, columns);
  const x = options.x ? resolveView('softmax', 'x', options.x, rows, columns) : y;
  // What a row sees may end within four columns, so masks are applied one by one.
  const vec4 = !masked && !causal && isVec4(columns, x.offset, x.stride, y.offset, y.stride);
  const width = vec4 ? 4 : 1;
  const name = variant ?? rowSchemes(facts)[0] ?? 'lane';
  const scheme = layRows('softmax', facts, name, rows, columns / width, vec4);
  const bindings: BindingSpec[] = [];
  if (options.x) bindings.push({ name: 'x', access: 'read', byteLength: x.end * 4 });
  if (masked) bindings.push({ name: 'mask', access: 'read', byteLength: (maskOffset + columns) * 4 });
  bindings.push({ name: 'y', access: 'read_write', byteLength: y.end * 4 });
  const numbers = [...bindings.map((binding) => binding.name), 'params'].map(
    (binding, index) => `const BINDING_${binding.toUpperCase()}: u32 = ${index}u;\n`,
  );
  return {
    op: 'softmax',
    variant: `${scheme.label}${options.x ? '' : ',in-place'}${masked ? ',masked' : ''}`,
    // Numbers come after the scheme, whose `enable` must be the first line.
    sources: [
      ...scheme.sources,
      numbers.join(''),
      vec4 ? maxVec4 : maxScalar,
      REDUCE_MAX[name],
      options.x ? inputApart : inputInPlace,
      masked ? maskKeys : maskNone,
      body,
    ],
    constants: scheme.constants,
    bindings,
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { u32: queryRows },
      { u32: causal ? 1 : 0 },
      { i32: causal?.offset ?? 0 },
      { u32: maskOffset },
    ]),
    workgroups: scheme.workgroups,
    flops: rows * columns * 5,
    bytes: rows * columns * 8,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as factorsBuffer } from './factors-buffer.wgsl.ts';
import { wgsl as factorsConstant } from './factors-constant.wgsl.ts';
import { wgsl as body } from './scale-add.wgsl.ts';

const OP = 'scale_add';

/** A factor: a number, or the index of an element of binding `scalars`, which may change between runs. */
export type Factor = number | { readonly scalar: number };

/** y = alpha * a + beta * b over [rows, columns] f32. */
export interface ScaleAddOptions {
  readonly rows: number;
  readonly columns: number;
  /** 1 where absent. Both factors must be of one form. */
  readonly alpha?: Factor;
  /** 1 where absent. */
  readonly beta?: Factor;
  /** `b` is one row, added to every row. */
  readonly repeatB?: boolean;
  readonly a?: RowView;
  readonly b?: RowView;
  readonly y?: RowView;
}

/** Widths that a shape allows, the planner's choice first. */
export function scaleAddVariants({ columns, a, b, y }: ScaleAddOptions): readonly UnitWidth[] {
  const views = [a, b, y].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/**
 * Plans y = alpha * a + beta * b. Bindings: a, b, [scalars], y; all f32.
 *
 * @throws ShapeError if a size is wrong, rows overlap, or one factor is a number and the other a scalar's index
 */
export function planScaleAdd(facts: DeviceFacts, options: ScaleAddOptions, variant?: UnitWidth): KernelPlan {
  const { rows, columns, alpha = 1, beta = 1, repeatB = false } = options;
  requireSizes(OP, { rows, columns });
  const a = resolveView(OP, 'a', options.a, rows, columns);
  const b = resolveView(OP, 'b', options.b, repeatB ? 1 : rows, columns);
  const y = resolveView(OP, 'y', options.y, rows, columns);
  const choices = scaleAddVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  if ((typeof alpha === 'number') !== (typeof beta === 'number'))
    throw new ShapeError(`${OP}: alpha and beta must both be numbers or both be scalars of the buffer.`);
  const indices = [alpha, beta].map((factor) => (typeof factor === 'number' ? 0 : factor.scalar));
  const isBuffer = typeof alpha !== 'number';
  const scalars: BindingSpec[] = isBuffer
    ? [{ name: 'scalars', access: 'read', byteLength: (Math.max(...indices) + 1) * 4 }]
    : [];
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (columns / width), name);
  return {
    op: OP,
    variant: `${name},${isBuffer ? 'buffer' : 'constant'}`,
    sources: [...grid.sources, body, isBuffer ? factorsBuffer : factorsConstant],
    constants: grid.constants,
    bindings: [
      { name: 'a', access: 'read', byteLength: a.end * 4 },
      { name: 'b', access: 'read', byteLength: b.end * 4 },
      ...scalars,
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: a.offset / width },
      { u32: a.stride / width },
      { u32: b.offset / width },
      { u32: repeatB ? 0 : b.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { f32: typeof alpha === 'number' ? alpha : 0 },
      { f32: typeof beta === 'number' ? beta : 0 },
      ...indices.map((index) => ({ u32: index })),
    ]),
    workgroups: grid.workgroups,
    flops: rows * columns * 3,
    bytes: (2 * rows + (repeatB ? 1 : rows)) * columns * 4,
  };
}

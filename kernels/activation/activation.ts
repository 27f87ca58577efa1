import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as plain } from './activation.wgsl.ts';
import { wgsl as gated } from './gated.wgsl.ts';
import { wgsl as geluTanh } from './gelu-tanh.wgsl.ts';
import { wgsl as silu } from './silu.wgsl.ts';

const OP = 'activation';

/** `silu_mul` takes two inputs: silu(gate) * up. */
export type ActivationKind = 'gelu_tanh' | 'silu' | 'silu_mul';

/** An activation over [rows, columns] f32. */
export interface ActivationOptions {
  readonly kind: ActivationKind;
  readonly rows: number;
  readonly columns: number;
  /** The input; of `silu_mul` the gate. */
  readonly x?: RowView;
  /** Of `silu_mul` the other input. */
  readonly up?: RowView;
  readonly y?: RowView;
}

/** Widths that a shape allows, the planner's choice first. */
export function activationVariants({ columns, x, up, y }: ActivationOptions): readonly UnitWidth[] {
  const views = [x, up, y].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/**
 * Plans y = f(x), or y = silu(gate) * up. Bindings: x, y; for `silu_mul` gate, up, y; all f32.
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the width does not suit the shape
 */
export function planActivation(facts: DeviceFacts, options: ActivationOptions, variant?: UnitWidth): KernelPlan {
  const { kind, rows, columns } = options;
  requireSizes(OP, { rows, columns });
  const isGated = kind === 'silu_mul';
  const x = resolveView(OP, isGated ? 'gate' : 'x', options.x, rows, columns);
  const up = resolveView(OP, 'up', options.up, rows, columns);
  const y = resolveView(OP, 'y', options.y, rows, columns);
  const choices = activationVariants({ ...options, x, y });
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (columns / width), name);
  const views = isGated ? [x, up, y] : [x, y];
  const names = isGated ? ['gate', 'up', 'y'] : ['x', 'y'];
  return {
    op: OP,
    variant: `${name},${kind}`,
    sources: [...grid.sources, kind === 'gelu_tanh' ? geluTanh : silu, isGated ? gated : plain],
    constants: grid.constants,
    bindings: views.map((view, index) => ({
      name: names[index] ?? '',
      access: index === views.length - 1 ? 'read_write' : 'read',
      byteLength: view.end * 4,
    })),
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      ...views.flatMap((view) => [{ u32: view.offset / width }, { u32: view.stride / width }]),
    ]),
    workgroups: grid.workgroups,
    flops: rows * columns * (kind === 'gelu_tanh' ? 8 : 5),
    bytes: views.length * rows * columns * 4,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as body } from './accumulate.wgsl.ts';

const OP = 'accumulate';

/** y = keep y + weight x over [rows, columns] f32, in place. */
export interface AccumulateOptions {
  readonly rows: number;
  readonly columns: number;
  readonly x?: RowView;
  readonly y?: RowView;
  /** Element of binding `factors` that holds keep; the one after it holds weight. */
  readonly factorIndex?: number;
}

/** Widths that a shape allows, the planner's choice first. */
export function accumulateVariants({ columns, x, y }: AccumulateOptions): readonly UnitWidth[] {
  const views = [x, y].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/**
 * Plans y = keep y + weight x. Bindings: x, factors, y (read_write); all f32. With keep 0 the old y is not read.
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the width does not suit the shape
 */
export function planAccumulate(facts: DeviceFacts, options: AccumulateOptions, variant?: UnitWidth): KernelPlan {
  const { rows, columns, factorIndex = 0 } = options;
  requireSizes(OP, { rows, columns, 'factorIndex + 1': factorIndex + 1 });
  const x = resolveView(OP, 'x', options.x, rows, columns);
  const y = resolveView(OP, 'y', options.y, rows, columns);
  const choices = accumulateVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (columns / width), name);
  return {
    op: OP,
    variant: name,
    sources: [...grid.sources, body],
    constants: grid.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'factors', access: 'read', byteLength: (factorIndex + 2) * 4 },
      { name: 'y', access: 'read_write', byteLength: y.end * 4 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: x.offset / width },
      { u32: x.stride / width },
      { u32: y.offset / width },
      { u32: y.stride / width },
      { u32: factorIndex },
    ]),
    workgroups: grid.workgroups,
    flops: rows * columns * 3,
    bytes: 3 * rows * columns * 4,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { layRows, rowSchemes, type RowSchemeName } from '../row-scheme.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as finish } from './finish.wgsl.ts';
import { wgsl as partialsBody } from './partials.wgsl.ts';

const OP = 'reduce';

/** mean |a - b| and mean |a| over [rows, columns]: what step caching compares. */
export interface ReduceOptions {
  readonly rows: number;
  readonly columns: number;
  readonly a?: RowView;
  readonly b?: RowView;
}

/** Partial sums (pairs of f32) that the first stage leaves for the second; a function of the shape alone. */
export function reducePartialCount(rows: number, columns: number): number {
  return Math.min(16384, Math.ceil((rows * columns) / 256));
}

/** Widths of the first stage that a shape allows, the planner's choice first. */
export function reducePartialsVariants({ columns, a, b }: ReduceOptions): readonly UnitWidth[] {
  const views = [a, b].flatMap((view) => [view?.offset ?? 0, view?.stride ?? columns]);
  return unitWidths(isVec4(columns, ...views));
}

/** Schemes of the second stage that run on a device, the planner's choice first. */
export function reduceFinishVariants(facts: DeviceFacts): readonly RowSchemeName[] {
  return rowSchemes(facts);
}

/**
 * Plans the first stage. Bindings: a, b, partial [reducePartialCount, 2]; all f32.
 *
 * @throws ShapeError if a size is not a positive whole number, rows overlap, or the width does not suit the shape
 */
export function planReducePartials(facts: DeviceFacts, options: ReduceOptions, variant?: UnitWidth): KernelPlan {
  const { rows, columns } = options;
  requireSizes(OP, { rows, columns });
  const a = resolveView(OP, 'a', options.a, rows, columns);
  const b = resolveView(OP, 'b', options.b, rows, columns);
  const partials = reducePartialCount(rows, columns);
  const choices = reducePartialsVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${columns}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  if (rows * columns > 0xffffffff - partials)
    throw new ShapeError(`${OP}: [${rows}, ${columns}] has more elements than 32-bit addresses. Split the rows.`);
  const grid = layUnits(OP, facts, partials, name);
  return {
    op: OP,
    variant: `partials,${name}`,
    sources: [...grid.sources, partialsBody],
    constants: grid.constants,
    bindings: [
      { name: 'a', access: 'read', byteLength: a.end * 4 },
      { name: 'b', access: 'read', byteLength: b.end * 4 },
      { name: 'partial', access: 'read_write', byteLength: partials * 8 },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns / width },
      { u32: a.offset / width },
      { u32: a.stride / width },
      { u32: b.offset / width },
      { u32: b.stride / width },
      { u32: partials },
    ]),
    workgroups: grid.workgroups,
    flops: rows * columns * 5,
    bytes: 2 * rows * columns * 4,
  };
}

/**
 * Plans the second stage: the two means go to result[resultOffset] (of |a - b|) and the element after it (of |a|).
 * Bindings: partial, result; both f32.
 *
 * @param count elements that the partial sums cover: rows * columns
 * @throws ShapeError if a size is not a positive whole number
 */
export function planReduceFinish(
  facts: DeviceFacts,
  options: { readonly partials: number; readonly count: number; readonly resultOffset?: number },
  variant?: RowSchemeName,
): KernelPlan {
  const { partials, count, resultOffset = 0 } = options;
  requireSizes(OP, { partials, count, 'resultOffset + 1': resultOffset + 1 });
  const scheme = layRows(OP, facts, variant ?? rowSchemes(facts)[0] ?? 'lane', 1, partials, false);
  return {
    op: OP,
    variant: `finish,${scheme.label}`,
    sources: [...scheme.sources, finish],
    constants: scheme.constants,
    bindings: [
      { name: 'partial', access: 'read', byteLength: partials * 8 },
      { name: 'result', access: 'read_write', byteLength: (resultOffset + 2) * 4 },
    ],
    uniform: packUniform([{ u32: partials }, { u32: resultOffset }, { f32: count }]),
    workgroups: scheme.workgroups,
    flops: partials * 2,
    bytes: partials * 8,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits, unitWidths, type UnitWidth } from '../unit-grid.ts';
import { wgsl as body } from './sampler-step.wgsl.ts';
import { wgsl as euler } from './step-euler.wgsl.ts';
import { wgsl as eulerIndexed } from './step-euler-indexed.wgsl.ts';
import { wgsl as renoise } from './step-renoise.wgsl.ts';
import { wgsl as renoiseIndexed } from './step-renoise-indexed.wgsl.ts';

const OP = 'sampler_step';

/** One sampler step on the predicted rows of the latent tokens. */
export interface SamplerStepOptions {
  /** `euler` follows the velocity; `renoise` takes the clean estimate and noises it afresh (DMD2 students). */
  readonly form: 'euler' | 'renoise';
  /** What the network predicts. */
  readonly predicts: 'eps-z0' | 'z0-eps';
  /** Predicted rows. */
  readonly rows: number;
  readonly channels: number;
  /** Elements of binding `scalars` that hold the step's noise levels. */
  readonly sigmaIndex: number;
  readonly sigmaNextIndex: number;
  /** Rows of x where a binding `index` (u32, one per predicted row) says which row is stepped; absent: row r is row r. */
  readonly indexedRows?: number;
  readonly indexOffset?: number;
  readonly velocity?: RowView;
  readonly fresh?: RowView;
  readonly x?: RowView;
}

/** Widths that a shape allows, the planner's choice first. */
export function samplerStepVariants({ channels, velocity, fresh, x }: SamplerStepOptions): readonly UnitWidth[] {
  const views = [velocity, fresh, x].flatMap((view) => [view?.offset ?? 0, view?.stride ?? channels]);
  return unitWidths(isVec4(channels, ...views));
}

/**
 * Plans one step in place. Bindings: v, scalars f32, [fresh], [index u32], x (read_write). All sigmas are read on the
 * device, so a recorded program serves every step. With sigmaNext = 0 `fresh` is not used.
 *
 * @throws ShapeError if a size is wrong, rows overlap, or the width does not suit the shape
 */
export function planSamplerStep(facts: DeviceFacts, options: SamplerStepOptions, variant?: UnitWidth): KernelPlan {
  const { form, predicts, rows, channels, sigmaIndex, sigmaNextIndex, indexedRows, indexOffset = 0 } = options;
  requireSizes(OP, {
    rows,
    channels,
    indexedRows: indexedRows ?? 1,
    scalars: Math.max(sigmaIndex, sigmaNextIndex) + 1,
  });
  const velocity = resolveView(OP, 'velocity', options.velocity, rows, channels);
  const fresh = resolveView(OP, 'fresh', options.fresh, rows, channels);
  const x = resolveView(OP, 'x', options.x, indexedRows ?? rows, channels);
  const choices = samplerStepVariants(options);
  const name = variant ?? choices[0] ?? 'scalar';
  if (!choices.includes(name)) throw new ShapeError(`${OP}: [${rows}, ${channels}] cannot be read by ${name}.`);
  const width = name === 'vec4' ? 4 : 1;
  const grid = layUnits(OP, facts, rows * (channels / width), name);
  const isIndexed = indexedRows !== undefined;
  const bindings: BindingSpec[] = [
    { name: 'v', access: 'read', byteLength: velocity.end * 4 },
    { name: 'scalars', access: 'read', byteLength: (Math.max(sigmaIndex, sigmaNextIndex) + 1) * 4 },
  ];
  if (form === 'renoise') bindings.push({ name: 'fresh', access: 'read', byteLength: fresh.end * 4 });
  if (isIndexed) bindings.push({ name: 'index', access: 'read', byteLength: (indexOffset + rows) * 4 });
  const step = form === 'euler' ? (isIndexed ? eulerIndexed : euler) : isIndexed ? renoiseIndexed : renoise;
  return {
    op: OP,
    variant: `${name},${form}${isIndexed ? ',indexed' : ''}`,
    sources: [...grid.sources, body, step],
    constants: grid.constants,
    bindings: [...bindings, { name: 'x', access: 'read_write', byteLength: x.end * 4 }],
    uniform: packUniform([
      { u32: rows },
      { u32: channels / width },
      ...[x, velocity, fresh].flatMap((view) => [{ u32: view.offset / width }, { u32: view.stride / width }]),
      { u32: indexOffset },
      { u32: sigmaIndex },
      { u32: sigmaNextIndex },
      { f32: predicts === 'eps-z0' ? 1 : -1 },
    ]),
    workgroups: grid.workgroups,
    flops: rows * channels * (form === 'euler' ? 2 : 5),
    bytes: rows * channels * (form === 'euler' ? 3 : 4) * 4,
  };
}

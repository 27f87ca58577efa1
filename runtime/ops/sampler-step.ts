import { planSamplerStep, type SamplerStepOptions } from '../../kernels/sampler-step/sampler-step.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/**
 * One step of the sampler on rows of the latent tokens, in place. `x`, `velocity` and `fresh` f32 [rows, channels]
 * (windows allowed).
 *
 * @param args.scalars f32, at least 2: sigma and the next sigma, read on the device
 * @param args.fresh standard normals, for form `renoise`
 */
export function samplerStep(
  builder: ProgramBuilder,
  args: {
    x: Value;
    velocity: Value;
    scalars: Value;
    fresh?: Value;
    form: SamplerStepOptions['form'];
    predicts: SamplerStepOptions['predicts'];
  },
): void {
  const op = 'sampler_step';
  const { x, velocity, scalars, fresh, form, predicts } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  requireShape(op, 'velocity', velocity, x.shape);
  if ((form === 'renoise') !== (fresh !== undefined))
    throw new ShapeError(`${op}: form "renoise" takes fresh noise and form "euler" takes none, got "${form}".`);
  if (fresh) requireShape(op, 'fresh', fresh, x.shape);
  const [rows, channels] = x.shape;
  const plan = planSamplerStep(builder.facts, {
    form,
    predicts,
    rows,
    channels,
    sigmaIndex: 0,
    sigmaNextIndex: 1,
    x: viewOf(x),
    velocity: viewOf(velocity),
    ...(fresh ? { fresh: viewOf(fresh) } : {}),
  });
  builder.dispatch(plan, fresh ? [velocity, scalars, fresh, x] : [velocity, scalars, x]);
}

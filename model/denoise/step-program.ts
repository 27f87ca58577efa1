import { guidance } from '../../runtime/ops/guidance.ts';
import { samplerStep } from '../../runtime/ops/sampler-step.ts';
import type { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { GuidanceRescale } from '../sampler/guidance.ts';
import type { SamplingForm } from '../sampler/step.ts';
import type { TokenRange } from '../tokens/token-plan.ts';

/** How a step goes from one noise level to the next. */
export interface StepSpec {
  readonly numTokens: number;
  readonly channels: number;
  /** Rows that move. */
  readonly ranges: readonly TokenRange[];
  /** `euler`: x + (sigmaNext - sigma) v. `renoise`: predict x0, mix it with fresh noise. */
  readonly form: SamplingForm;
  /** Sign of the network's output: eps - x0 (Qwen-Image), or x0 - eps (the paper). */
  readonly predicts: 'eps-z0' | 'z0-eps';
  /** Weight of guidance; absent: one pass. */
  readonly cfgScale?: number;
  readonly rescale?: GuidanceRescale;
}

/** Names of a step's states. All f32 [N, C] but the scalars. */
export const STEP_STATES = {
  tokens: 'tokens',
  velocity: 'velocity',
  negative: 'velocity (negative)',
  fresh: 'fresh',
  /** f32 [4]: sigma, sigmaNext and two that are free. */
  scalars: 'scalars',
} as const;

/** The per-step scalars in the form that the kernel reads. */
export function stepScalars(sigma: number, sigmaNext: number): Float32Array {
  return Float32Array.of(sigma, sigmaNext, 0, 0);
}

/** Records guidance and the step between two noise levels, in one segment, for the rows that move. */
export function recordStep(builder: ProgramBuilder, spec: StepSpec): void {
  const shape = [spec.numTokens, spec.channels];
  const tokens = builder.state(STEP_STATES.tokens, 'f32', shape);
  const velocity = builder.state(STEP_STATES.velocity, 'f32', shape);
  const scalars = builder.state(STEP_STATES.scalars, 'f32', [4]);
  const negative = spec.cfgScale === undefined ? undefined : builder.state(STEP_STATES.negative, 'f32', shape);
  const fresh = spec.form === 'renoise' ? builder.state(STEP_STATES.fresh, 'f32', shape) : undefined;
  builder.segment('step', () => {
    for (const [start, end] of spec.ranges) {
      const count = end - start;
      const predicted = builder.rows(velocity, start, count);
      const v =
        negative && spec.cfgScale !== undefined
          ? guidance(builder, {
              positive: predicted,
              negative: builder.rows(negative, start, count),
              scale: spec.cfgScale,
              rescale: spec.rescale === 'perToken',
            })
          : predicted;
      samplerStep(builder, {
        x: builder.rows(tokens, start, count),
        velocity: v,
        scalars,
        form: spec.form,
        predicts: spec.predicts,
        ...(fresh ? { fresh: builder.rows(fresh, start, count) } : {}),
      });
    }
  });
}

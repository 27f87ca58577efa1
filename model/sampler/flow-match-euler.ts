import { UsageError } from '../../runtime/errors.ts';
import { roundToBfloat16 } from './float-rounding.ts';
import type { FlowMatchConfig } from './scheduler-config.ts';
import { eulerStep, renoiseStep } from './step.ts';

const fround = Math.fround;

/** The unshifted grid: `linspace(1, 1/N, N)` or `linspace(1, 0, N + 1)` without its end. The same float32 numbers. */
export type SigmaGrid = 'one-to-inverse-n' | 'one-to-zero';

/** The noise levels of a run. All arrays are float32, exactly as the reference holds them. */
export interface SigmaSchedule {
  /** [N + 1] falling noise levels in 0..1, the last 0. */
  readonly sigmas: Float32Array;
  /** [N] the scheduler's own timesteps, `num_train_timesteps * sigma`. The model is fed sigma, not these. */
  readonly timesteps: Float32Array;
}

/**
 * mu of text-to-image and editing: linear in the number of target tokens, not clamped.
 *
 * Keys that the scheduler's file lacks fall back to the pipeline's own 256, 4096, 0.5 and 1.15 (`calculate_shift` of
 * `QwenImagePipeline`), which are not the published file's.
 *
 * @param imageSeqLen target tokens, (H/16)(W/16)
 */
export function textToImageMu(config: FlowMatchConfig, imageSeqLen: number): number {
  const baseTokens = config.baseImageSeqLen ?? 256;
  const maxTokens = config.maxImageSeqLen ?? 4096;
  const baseShift = config.baseShift ?? 0.5;
  const maxShift = config.maxShift ?? 1.15;
  const slope = (maxShift - baseShift) / (maxTokens - baseTokens);
  return imageSeqLen * slope + (baseShift - slope * baseTokens);
}

/** mu of Qwen-Image-Layered: sqrt(n / 256) with n the tokens of the condition image. */
export function layeredMu(imageSeqLen: number): number {
  return Math.sqrt(imageSeqLen / 256);
}

/**
 * The t that a bf16 pipeline hands to the model: the timestep cast to bf16, then divided by 1000 in bf16. A float32
 * pipeline passes sigma itself.
 *
 * @param timestep the scheduler's timestep, 0..1000
 */
export function modelTimestepBf16(timestep: number): number {
  return roundToBfloat16(roundToBfloat16(timestep) / 1000);
}

/**
 * diffusers' `FlowMatchEulerDiscreteScheduler` for Qwen-Image: schedule and steps (`spec/qwen-image.md` 4.2).
 *
 * The schedule is evaluated in float32 operation by operation, as numpy does it in the reference, so that sigmas and the
 * bf16 timesteps made from them are the same numbers.
 */
export class FlowMatchEulerDiscreteScheduler {
  readonly config: FlowMatchConfig;

  constructor(config: FlowMatchConfig) {
    this.config = config;
  }

  /**
   * The noise levels of a run.
   *
   * With a single level of 1 and a terminal the reference divides 0 by 0; here the stretch is skipped and sigma stays 1.
   *
   * @param numSteps N >= 1
   * @param options.mu shift of this size; needed when the configuration shifts dynamically, unused otherwise
   * @param options.grid noise levels before shift and stretch: one of the grids, or N numbers in (0, 1]
   * @throws UsageError for a bad step count or list of levels, or where mu is needed and missing or not finite
   */
  schedule(
    numSteps: number,
    options: { readonly mu?: number | undefined; readonly grid?: SigmaGrid | readonly number[] },
  ): SigmaSchedule {
    if (!Number.isInteger(numSteps) || numSteps < 1) {
      throw new UsageError(`schedule: the number of steps must be an integer >= 1, got ${numSteps}.`);
    }
    const { config } = this;
    const { grid = 'one-to-inverse-n' } = options;
    let sigmas = typeof grid === 'string' ? sigmaGrid(numSteps, grid) : givenLevels(numSteps, grid);
    if (config.dynamicShifting) {
      const { mu } = options;
      if (mu === undefined || !Number.isFinite(mu)) {
        throw new UsageError(`schedule: this scheduler shifts by image size and needs a finite mu, got ${mu}.`);
      }
      const factor = fround(config.timeShiftType === 'exponential' ? Math.exp(mu) : mu);
      sigmas = sigmas.map((s) => factor / fround(factor + fround(fround(1 / s) - 1)));
    } else {
      const { shift } = config;
      sigmas = sigmas.map((s) => fround(fround(shift) * s) / fround(1 + fround(fround(shift - 1) * s)));
    }
    if (config.shiftTerminal !== undefined && sigmas[numSteps - 1] !== 1)
      sigmas = stretchToTerminal(sigmas, config.shiftTerminal);
    const timesteps = sigmas.map((s) => s * config.numTrainTimesteps);
    const withEnd = new Float32Array(numSteps + 1);
    withEnd.set(sigmas);
    return { sigmas: withEnd, timesteps };
  }

  /**
   * One step in float32 on the CPU: Euler, or re-noising where the configuration samples stochastically.
   *
   * @param sample latents at `sigmas[stepIndex]`
   * @param velocity the model's output there, same length
   * @param noise fresh standard normals, same length; needed for stochastic sampling only
   * @returns latents at the next noise level
   * @throws UsageError where the step index is outside the schedule, or noise is needed and missing
   */
  step(
    sample: Float32Array,
    velocity: Float32Array,
    sigmas: Float32Array,
    stepIndex: number,
    noise?: Float32Array,
  ): Float32Array {
    if (!Number.isInteger(stepIndex) || stepIndex < 0 || stepIndex + 1 >= sigmas.length) {
      throw new UsageError(`step: the index must be in 0..${sigmas.length - 2}, got ${stepIndex}.`);
    }
    const sigma = sigmas[stepIndex];
    const sigmaNext = sigmas[stepIndex + 1];
    if (!this.config.stochasticSampling) return eulerStep(sample, velocity, sigma, sigmaNext);
    if (noise === undefined) throw new UsageError('step: this scheduler samples stochastically and needs noise.');
    return renoiseStep(sample, velocity, sigma, sigmaNext, noise);
  }
}

/** The unshifted grid, [N] float32: numpy's linspace in float64, then rounded. */
function sigmaGrid(numSteps: number, grid: SigmaGrid): Float32Array {
  const values = new Float32Array(numSteps);
  for (let i = 0; i < numSteps; i++) {
    if (grid === 'one-to-zero') values[i] = 1 + i * (-1 / numSteps);
    else if (numSteps === 1) values[i] = 1;
    else values[i] = i === numSteps - 1 ? 1 / numSteps : 1 + i * ((1 / numSteps - 1) / (numSteps - 1));
  }
  return values;
}

/** A caller's own levels, [N] float32. */
function givenLevels(numSteps: number, levels: readonly number[]): Float32Array {
  const bad = levels.find((level) => !(level > 0 && level <= 1));
  if (levels.length !== numSteps || bad !== undefined) {
    const got = bad === undefined ? `${levels.length} numbers` : String(bad);
    throw new UsageError(`schedule: own noise levels must be ${numSteps} numbers above 0 and at most 1, got ${got}.`);
  }
  return Float32Array.from(levels);
}

/** Stretches 1 - sigma so that the last noise level becomes `terminal`. */
function stretchToTerminal(sigmas: Float32Array, terminal: number): Float32Array {
  const last = fround(1 - sigmas[sigmas.length - 1]);
  const scale = fround(last / fround(1 - terminal));
  return sigmas.map((s) => 1 - fround(fround(1 - s) / scale));
}

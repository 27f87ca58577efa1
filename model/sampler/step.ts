import { ShapeError } from '../../runtime/errors.ts';

const fround = Math.fround;

/**
 * How a few-step student walks down its noise levels. A property of its training that weights do not show:
 * `euler` is deterministic, `renoise` adds fresh noise to its estimate of the clean latents (DMD2's original sampler).
 */
export type SamplingForm = 'euler' | 'renoise';

/*
 * Conventions (`spec/qwen-image.md` 4.1): x_sigma = (1 - sigma) x0 + sigma eps, velocity = eps - x0 = dx/dsigma. Each
 * operation rounds to float32, as in the reference; these functions are the reference for the GPU kernels.
 */

/**
 * Denoises one step along the flow: `x + (sigmaNext - sigma) * velocity`.
 *
 * @param x latents at `sigma`, f32, any shape
 * @param velocity model output at `sigma`, same length
 * @returns latents at `sigmaNext`; `x` is left untouched
 * @throws ShapeError if the lengths differ
 */
export function eulerStep(x: Float32Array, velocity: Float32Array, sigma: number, sigmaNext: number): Float32Array {
  checkLength('euler_step', 'velocity', velocity.length, x.length);
  const delta = fround(fround(sigmaNext) - fround(sigma));
  return x.map((value, i) => value + fround(delta * velocity[i]));
}

/**
 * The clean latents that the velocity points at: `x - sigma * velocity`.
 *
 * @throws ShapeError if the lengths differ
 */
export function predictClean(x: Float32Array, velocity: Float32Array, sigma: number): Float32Array {
  checkLength('predict_clean', 'velocity', velocity.length, x.length);
  const level = fround(sigma);
  return x.map((value, i) => value - fround(level * velocity[i]));
}

/**
 * Jumps to the clean estimate and re-noises it: `x0 = x - sigma velocity; (1 - sigmaNext) x0 + sigmaNext noise`. At
 * `sigmaNext` 0 the result is x0 and the noise is not read.
 *
 * @param noise fresh standard normals, same length as `x`; may be undefined where `sigmaNext` is 0
 * @throws ShapeError if lengths differ or noise is missing where it is needed
 */
export function renoiseStep(
  x: Float32Array,
  velocity: Float32Array,
  sigma: number,
  sigmaNext: number,
  noise: Float32Array | undefined,
): Float32Array {
  const clean = predictClean(x, velocity, sigma);
  if (sigmaNext === 0) return clean;
  checkLength('renoise_step', 'noise', noise?.length ?? 0, x.length);
  const fresh = noise ?? clean;
  const level = fround(sigmaNext);
  const keep = fround(1 - level);
  return clean.map((value, i) => fround(keep * value) + fround(level * fresh[i]));
}

function checkLength(op: string, name: string, length: number, wanted: number): void {
  if (length !== wanted) {
    throw new ShapeError(`${op}: ${name} must have as many elements as x (${wanted}), got ${length}.`);
  }
}

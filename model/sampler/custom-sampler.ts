import { UsageError } from '../../runtime/errors.ts';
import type { TokenRange } from '../tokens/token-plan.ts';

/** What a sampler sees of a run before its first step. */
export interface SamplerContext {
  /** Noise levels: numSteps + 1 falling numbers, the last 0. */
  readonly sigmas: readonly number[];
  /** Rows that move; the others keep what they are given, whatever a sampler returns for them. */
  readonly ranges: readonly TokenRange[];
  /** C. */
  readonly channels: number;
}

/** One step as a sampler sees it. Arrays are f32 [N, C] in plan order; the velocity is eps - x0 = dx/dsigma, guided. */
export interface SamplerStep {
  readonly step: number;
  readonly numSteps: number;
  readonly sigma: number;
  readonly sigmaNext: number;
  readonly x: Float32Array;
  /** Velocity at (x, sigma). */
  readonly velocity: Float32Array;
  /**
   * The velocity at other tokens and the noise level of another step: one more run of the whole network, never cached.
   *
   * @throws UsageError for a step outside of 0 .. numSteps - 1: the network is not asked about sigma 0
   */
  readonly evaluate: (x: Float32Array, step: number) => Promise<Float32Array>;
}

/** Walks down the noise levels. One object serves one run. */
export interface Sampler {
  /** @returns the tokens at `sigmaNext`, f32 [N, C] */
  step(step: SamplerStep): Float32Array | Promise<Float32Array>;
}

/** Makes a sampler for one run. */
export type SamplerFactory = (context: SamplerContext) => Sampler;

const SAMPLERS = new Map<string, SamplerFactory>();

/**
 * Makes a sampler available by name.
 *
 * @returns takes it away again
 * @throws UsageError if the name is taken
 */
export function registerSampler(name: string, factory: SamplerFactory): () => void {
  if (name === 'euler' || name === 'renoise' || SAMPLERS.has(name))
    throw new UsageError(`sampler: "${name}" exists already. Choose another name.`);
  SAMPLERS.set(name, factory);
  return () => {
    if (SAMPLERS.get(name) === factory) SAMPLERS.delete(name);
  };
}

/** A registered sampler. @throws UsageError that lists what there is */
export function samplerOf(name: string): SamplerFactory {
  const factory = SAMPLERS.get(name);
  if (!factory)
    throw new UsageError(
      `sampler: there is no "${name}". Registered: ${[...SAMPLERS.keys()].join(', ') || 'none'}; euler and renoise are forms.`,
    );
  return factory;
}

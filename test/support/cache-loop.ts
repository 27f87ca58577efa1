import { parseCacheConfig, type CacheConfig } from '../../model/cache/cache-config.ts';
import { cacheRunnerOf, type CacheContext, type CacheRunner } from '../../model/cache/cache-runner.ts';
import { Denoiser, type DenoiseSpec, type PassReport, type PassRunner } from '../../model/denoise/denoiser.ts';
import type { QwenImageTransformer2DModel } from '../../model/mmdit/transformer.ts';
import { planImages, type ImageShape } from '../../model/tokens/plan-images.ts';
import type { TokenPlan, TokenRange } from '../../model/tokens/token-plan.ts';
import type { Engine } from '../../runtime/engine.ts';
import { seededRandom, seedOf } from './random.ts';

/** A loop over random tokens, for tests of step caching. */
export interface TestLoop {
  readonly denoiser: Denoiser;
  readonly plan: TokenPlan;
  readonly tokens: Float32Array;
  cached(config: CacheConfig, options?: Pick<CacheContext, 'tokens' | 'hooks'>): Promise<CacheRunner>;
  /** Tokens after every step, and what the passes report. */
  record(runner?: PassRunner, signal?: AbortSignal): Promise<{ latents: Float32Array[]; reports: PassReport[] }>;
}

/** Prepares a loop of `numSteps` evenly spaced noise levels. */
export async function testLoop(
  engine: Engine,
  transformer: QwenImageTransformer2DModel,
  options: {
    readonly numSteps?: number;
    readonly shapes?: readonly ImageShape[];
    readonly predicted?: readonly TokenRange[];
    readonly guided?: boolean;
    readonly textLength?: number;
    readonly spec?: Pick<DenoiseSpec, 'modulation' | 'additionalTCond'>;
  } = {},
): Promise<TestLoop> {
  const { numSteps = 8, shapes = [[1, 4, 4]], guided = false, textLength = 5 } = options;
  const { config } = transformer;
  const plan = planImages(shapes, { variant: 'base', zeroCondT: config.zeroCondT });
  const random = seededRandom(seedOf('cache loop'));
  const text = (length: number) => ({
    data: random.floats(length * config.jointAttentionDim),
    length,
    width: config.jointAttentionDim,
  });
  const denoiser = await Denoiser.prepare(engine, transformer, {
    plan: options.predicted ? { ...plan, predicted: options.predicted } : plan,
    sigmas: Array.from({ length: numSteps + 1 }, (_, i) => 1 - i / numSteps),
    text: text(textLength),
    form: 'euler',
    predicts: 'eps-z0',
    ...(guided ? { negative: text(3), cfgScale: 3, rescale: 'perToken' } : {}),
    ...options.spec,
  });
  const tokens = random.floats(plan.numTokens * config.inChannels);
  return {
    denoiser,
    plan,
    tokens,
    cached: (cache, context = {}) => cacheRunnerOf(engine, parseCacheConfig(cache), denoiser, context),
    record: async (runner, signal) => {
      const latents: Float32Array[] = [];
      const reports: PassReport[] = [];
      await denoiser.run({
        tokens,
        ...(runner ? { runner } : {}),
        ...(signal ? { signal } : {}),
        onStep: async (report, loop) => {
          reports.push(...report.passes);
          latents.push(await loop.readTokens());
        },
      });
      return { latents, reports };
    },
  };
}

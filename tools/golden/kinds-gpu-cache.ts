import { parseCacheConfig, type ParsedCacheConfig } from '../../model/cache/cache-config.ts';
import { cacheRunnerOf } from '../../model/cache/cache-runner.ts';
import { binsMask, CACHE_PRESETS, presetMask } from '../../model/cache/step-mask.ts';
import { Denoiser, type PassReport, type PassRunner } from '../../model/denoise/denoiser.ts';
import type { TextFeatures } from '../../model/text/text-encoder.ts';
import { planImages } from '../../model/tokens/plan-images.ts';
import type { Engine } from '../../runtime/engine.ts';
import { UsageError } from '../../runtime/errors.ts';
import {
  choiceInput,
  f32Input,
  hasInput,
  isNumber,
  listInput,
  numberInput,
  optionalNumber,
  tensorInput,
} from './case-inputs.ts';
import type { GoldenContext, GoldenHandler } from './contract.ts';
import { f32Tensor, isImageShape } from './kinds-gpu-transformer.ts';
import type { GoldenKinds } from './kinds.ts';
import { LoadedTransformers, type LoadedTransformer } from './loaded-transformers.ts';

/*
 * Kinds of golden/kinds-cache.md: `cache_run` and `cache_mask`.
 */

/**
 * Handlers of step caching.
 *
 * @param open the engine to use; absent: an engine of its own
 */
export function openCacheKinds(open?: () => Promise<Engine>): GoldenKinds {
  const models = new LoadedTransformers(open);
  return {
    handlers: new Map<string, GoldenHandler>([
      ['cache_run', async (context) => cacheRunCase(context, await models.of(context))],
      ['cache_mask', async (context) => cacheMaskCase(context)],
    ]),
    close: () => models.close(),
  };
}

async function cacheMaskCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const mask = hasInput(context, 'compute_bins')
    ? binsMask(
        listInput(context, 'compute_bins', isNumber),
        listInput(context, 'cache_bins', isNumber),
        optionalNumber(context, 'steps'),
      )
    : presetMask(choiceInput(context, 'preset', CACHE_PRESETS), numberInput(context, 'steps'));
  return new Map([['mask', mask]]);
}

/** Everything that a run of the loop leaves. */
interface LoopRecord {
  readonly reports: readonly PassReport[];
  /** f32 [S, C] after every step. */
  readonly latents: readonly Float32Array[];
}

async function cacheRunCase(
  context: GoldenContext,
  { engine, transformer }: LoadedTransformer,
): Promise<ReadonlyMap<string, unknown>> {
  const { shape } = tensorInput(context, 'latents');
  const [runs, numTokens, channels] = shape;
  const latents = f32Input(context, 'latents');
  const plan = planImages(listInput(context, 'img_shapes', isImageShape), {
    variant: transformer.config.useLayer3dRope ? 'layer3d' : 'base',
    zeroCondT: transformer.config.zeroCondT,
  });
  if (plan.numTokens !== numTokens)
    throw new UsageError(`golden: img_shapes make ${plan.numTokens} tokens, latents have ${numTokens}.`);
  const guidance = context.input('guidance') as { scale: number; rescale: boolean } | null | undefined;
  const denoiser = await Denoiser.prepare(engine, transformer, {
    // The recorded loop moves every token, whatever the plan would predict.
    plan: { ...plan, predicted: [[0, numTokens]] },
    sigmas: listInput(context, 'sigmas', isNumber),
    text: textInput(context, 'text'),
    form: 'euler',
    predicts: 'eps-z0',
    ...(hasInput(context, 'negative') ? { negative: textInput(context, 'negative') } : {}),
    ...(guidance ? { cfgScale: guidance.scale, rescale: guidance.rescale ? 'perToken' : 'none' } : {}),
  });
  try {
    const rows = Array.from({ length: runs }, (_, run) =>
      latents.subarray(run * numTokens * channels, (run + 1) * numTokens * channels),
    );
    const config: ParsedCacheConfig = parseCacheConfig(context.input('cache'));
    const runner = await cacheRunnerOf(engine, config, denoiser, { tokens: 'all' });
    const cached: LoopRecord[] = [];
    for (const row of rows) cached.push(await record(denoiser, row, runner));
    const off: LoopRecord[] = [];
    for (const row of rows) off.push(await record(denoiser, row));
    return outputsOf(cached, off, [numTokens, channels]);
  } finally {
    denoiser.dispose();
  }
}

function textInput(context: GoldenContext, name: string): TextFeatures {
  const [, length, width] = tensorInput(context, name).shape;
  return { data: f32Input(context, name), length, width };
}

async function record(denoiser: Denoiser, tokens: Float32Array, runner?: PassRunner): Promise<LoopRecord> {
  const reports: PassReport[] = [];
  const latents: Float32Array[] = [];
  await denoiser.run({
    tokens,
    ...(runner ? { runner } : {}),
    onStep: async (report, loop) => {
      reports.push(...report.passes);
      latents.push(await loop.readTokens());
    },
  });
  return { reports, latents };
}

function outputsOf(
  cached: readonly LoopRecord[],
  off: readonly LoopRecord[],
  shape: readonly [number, number],
): ReadonlyMap<string, unknown> {
  const numSteps = cached[0].latents.length;
  const stack = (parts: readonly Float32Array[]): Float32Array => {
    const all = new Float32Array(parts.length * shape[0] * shape[1]);
    parts.forEach((part, i) => all.set(part, i * shape[0] * shape[1]));
    return all;
  };
  const last = (record: LoopRecord): Float32Array => record.latents[numSteps - 1];
  const diffs = cached.flatMap(({ reports }) => reports.map(({ difference }) => difference));
  return new Map<string, unknown>([
    ['decisions', cached.map(({ reports }) => reports.map(({ computed }) => (computed ? 1 : 0)))],
    ['blocks', cached.map(({ reports }) => reports.map(({ blocksRun }) => blocksRun))],
    ['diffs', f32Tensor([cached.length, diffs.length / cached.length], Float32Array.from(diffs))],
    ['latents', f32Tensor([cached.length, numSteps, ...shape], stack(cached.flatMap(({ latents }) => latents)))],
    ['final', f32Tensor([cached.length, ...shape], stack(cached.map(last)))],
    ['off.final', f32Tensor([off.length, ...shape], stack(off.map(last)))],
    ['equalsOff', cached.every(({ latents }, run) => latents.every((part, i) => isEqual(part, off[run].latents[i])))],
  ]);
}

/** Bit for bit. */
function isEqual(a: Float32Array, b: Float32Array): boolean {
  const x = new Uint32Array(a.buffer, a.byteOffset, a.length);
  const y = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return x.length === y.length && x.every((word, i) => word === y[i]);
}

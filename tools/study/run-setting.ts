import { parseCacheConfig } from '../../model/cache/cache-config.ts';
import { cacheRunnerOf } from '../../model/cache/cache-runner.ts';
import { FULL_PASS, type PassReport } from '../../model/denoise/denoiser.ts';
import type { DesignNode, LayeredDesign } from '../../model/layout/design-schema.ts';
import type { MrtPipeline, MrtRunOptions } from '../../model/pipeline/mrt-pipeline.ts';
import type { PictureLoader } from '../../model/pipeline/picture.ts';
import { predictedTokens } from '../../model/tokens/region-tokens.ts';
import type { Engine } from '../../runtime/engine.ts';
import type { RunOutput } from './run-output.ts';
import type { StudySetting } from './study-plan.ts';

/** A design that studies run. */
export interface StudyDesign {
  readonly name: string;
  readonly document: LayeredDesign;
  readonly pictures: PictureLoader;
}

/** What a run cost, and what its cache did. */
export interface RunCost {
  /** Of the denoising loop alone: first submit to last readback, host time. */
  readonly loopMs: number;
  /** Processor time of this process in the loop: on a software driver the work itself, whoever else uses the machine. */
  readonly cpuMs: number;
  /** Of the whole run, loading and decoding included. */
  readonly totalMs: number;
  /** Most bytes of GPU buffers alive after a step, pooled ones included. */
  readonly deviceBytes: number;
  /** Bytes of modulation: the table, or weights that stay resident. Absent in records from before it was measured. */
  readonly modulationBytes?: number;
  readonly numTokens: number;
  readonly flopsDone: number;
  readonly flopsSkipped: number;
  /** Passes of every step, in order. */
  readonly passes: readonly PassCost[];
}

/** One pass of a step. */
export interface PassCost {
  readonly step: number;
  readonly branch: PassReport['branch'];
  readonly hit: boolean;
  readonly reason: string | null;
  /** Null where none was measured. */
  readonly difference: number | null;
  readonly blocksRun: number;
  /** 1 for each region that alone would have been reused, in plan order. */
  readonly regionHits?: readonly (0 | 1)[];
}

/** Runs a setting on a design. The pipeline must be of the setting's precision and manifest. */
export async function runSetting(
  engine: Engine,
  pipeline: Pick<MrtPipeline, 'run'>,
  design: StudyDesign,
  setting: StudySetting,
  options: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<{ readonly output: RunOutput; readonly cost: RunCost }> {
  const { steps, cache = 'off', cfgScale, sampler, regions, modulation } = setting;
  const document = regions === 'canvas' ? onCanvas(design.document) : design.document;
  const latents: Float32Array[] = [];
  const passes: PassCost[] = [];
  let [started, ended, cpuMs, deviceBytes, modulationBytes, flopsDone, flopsSkipped] = [0, 0, 0, 0, 0, 0, 0];
  let cpu = process.cpuUsage();
  let predicted: (tokens: Float32Array) => Float32Array = (tokens) => tokens;
  const isForm = sampler === 'euler' || sampler === 'renoise';
  const { signal } = options;
  const runOptions: MrtRunOptions = {
    pictures: design.pictures,
    seed: options.seed + (document.sampling?.seed ?? 0),
    refine: false, // what a setting costs is to be seen in what the network makes
    runner: async (denoiser, { plan }) => {
      predicted = (tokens) => predictedTokens(plan, tokens);
      const runner =
        cache === 'off'
          ? FULL_PASS
          : await cacheRunnerOf(engine, parseCacheConfig(cache), denoiser, {
              tokens: 'noise',
              ...(signal ? { signal } : {}),
            });
      modulationBytes = denoiser.modulationBytes;
      await engine.idle();
      cpu = process.cpuUsage();
      started = performance.now();
      return runner;
    },
    onTokens: (_step, tokens) => {
      ended = performance.now();
      const used = process.cpuUsage(cpu);
      cpuMs = (used.user + used.system) / 1000;
      latents.push(predicted(tokens).slice());
      deviceBytes = Math.max(deviceBytes, engine.counters.liveBytes);
    },
    ...(steps === undefined ? {} : { steps }),
    ...(cfgScale === undefined ? {} : { cfgScale }),
    ...(sampler === undefined ? {} : isForm ? { form: sampler } : { sampler }),
    ...(modulation === undefined ? {} : { modulation }),
    ...(signal ? { signal } : {}),
  };
  const run = pipeline.run(document, runOptions);
  for await (const event of run) {
    if (event.type !== 'step') continue;
    for (const pass of event.passes) {
      passes.push(passCost(event.step, pass));
      flopsDone += pass.flops;
      flopsSkipped += pass.flopsSaved;
    }
  }
  const result = await run;
  const layers = result.layers
    .filter((layer) => layer.isGenerated)
    .map(({ id, box, picture }) => ({ id, box, rgba: picture.data }));
  return {
    output: { latents, layers, merged: result.merged },
    cost: {
      loopMs: ended - started,
      cpuMs,
      totalMs: result.meta.durationMs,
      deviceBytes,
      modulationBytes,
      numTokens: result.meta.numTokens,
      flopsDone,
      flopsSkipped,
      passes,
    },
  };
}

function passCost(step: number, pass: PassReport): PassCost {
  return {
    step,
    branch: pass.branch,
    hit: !pass.computed,
    reason: pass.reason ?? null,
    difference: Number.isFinite(pass.difference) ? pass.difference : null,
    blocksRun: pass.blocksRun,
    ...(pass.regions ? { regionHits: pass.regions.map(({ hit }) => (hit ? 1 : 0)) } : {}),
  };
}

/** Every layer with the whole window as its box: what a regional model would cost without regions. */
function onCanvas(document: LayeredDesign): LayeredDesign {
  const { width, height } = document.canvas;
  const whole = (node: DesignNode): DesignNode =>
    node.kind === 'group' ? { ...node, children: node.children.map(whole) } : { ...node, box: [0, 0, width, height] };
  return { ...document, layers: document.layers.map(whole) };
}

import { createRequire } from 'node:module';
import { FLOOR_FACTS } from '../kernels/facts.ts';
import { FULL_PASS, Denoiser } from '../model/denoise/denoiser.ts';
import type { TransformerConfig } from '../model/config/transformer-config.ts';
import { transformerTensors } from '../model/mmdit/tensors.ts';
import { planTransformer, QwenImageTransformer2DModel } from '../model/mmdit/transformer.ts';
import { syntheticTable } from '../model/tensor-table.ts';
import { planImages } from '../model/tokens/plan-images.ts';
import { createEngine } from '../runtime/engine.ts';
import { openDawn } from '../runtime/node/dawn.ts';
import { barriersOf } from '../runtime/program/hazards.ts';
import { planMemory } from '../runtime/program/memory.ts';
import type { WeightSource } from '../runtime/weights/weight-source.ts';
import { LARGE_CONFIG } from '../tools/benchmark/gpu/forward.ts';
import { spreadOf, type Spread } from '../tools/benchmark/statistics.ts';

/** What a step costs the CPU. */
export interface EncodeReport {
  readonly node: string;
  readonly webgpu: string;
  readonly blocks: number;
  /** Of one step: both passes of guidance and the step between noise levels. */
  readonly dispatches: number;
  readonly submits: number;
  /** All that were made, in preparation; a step makes none. */
  readonly bindGroups: number;
  readonly arenaBytes: number;
  /** Milliseconds of encoding and submitting one step, by the clock: other work on the core counts. */
  readonly step: Spread;
  /** Milliseconds of processor time that the process took meanwhile, garbage collection and Dawn's threads included. */
  readonly cpu: Spread;
  /** One pass of 4096 image and 256 text tokens, planned without weights. */
  readonly largeShape: {
    readonly dispatches: number;
    readonly barriers: number;
    readonly arenas: number;
    readonly arenaBytes: number;
    readonly peakLiveBytes: number;
  };
}

/** The published shape, narrow: as many kernels, little memory. The null back end makes no buffers beyond 512 MiB. */
function narrow(blocks: number): TransformerConfig {
  return {
    ...LARGE_CONFIG,
    numLayers: blocks,
    numAttentionHeads: 2,
    attentionHeadDim: 32,
    axesDimsRope: [8, 12, 12],
    jointAttentionDim: 64,
  };
}

/** A checkpoint of zeros: nothing is computed on the null back end. */
function zeros(tensors: ReadonlyMap<string, readonly number[]>): WeightSource {
  const bytesOf = (name: string): number => 2 * (tensors.get(name) ?? []).reduce((count, size) => count * size, 1);
  return {
    name: 'zeros',
    metadata: new Map(),
    names: () => tensors.keys(),
    info: (name) => {
      const shape = tensors.get(name);
      return shape && { dtype: 'F16', shape, byteLength: bytesOf(name) };
    },
    readRaw: async (name) => new Uint8Array(bytesOf(name)),
    readRange: async (_name, begin, end) => new Uint8Array(end - begin),
    readF32: async (name) => new Float32Array(bytesOf(name) / 2),
    close: async () => {},
  };
}

/** Compiles a guided loop on the null back end and times its steps: the passes that `Denoiser.run` runs, without its waits. */
export async function measureEncode(blocks: number, repeats: number): Promise<EncodeReport> {
  const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
  try {
    const config = narrow(blocks);
    const model = QwenImageTransformer2DModel.open(engine, zeros(transformerTensors(config)), config);
    const plan = planImages([[1, 16, 16]], { variant: 'base', zeroCondT: false });
    const text = (length: number) => ({
      data: new Float32Array(length * config.jointAttentionDim),
      length,
      width: config.jointAttentionDim,
    });
    const denoiser = await Denoiser.prepare(engine, model, {
      plan,
      sigmas: [1, 0.5, 0],
      text: text(32),
      negative: text(16),
      cfgScale: 3,
      form: 'euler',
      predicts: 'eps-z0',
    });
    // Every sample is one step as run() encodes it; the wait in between is not counted.
    const samples: number[] = [];
    const cpuSamples: number[] = [];
    let dispatches = 0;
    let submits = 0;
    const tokens = new Float32Array(plan.numTokens * config.inChannels);
    const run = async (): Promise<void> => {
      let begun = 0;
      let cpuBegun = process.cpuUsage();
      const before = { ...engine.counters };
      const idle = engine.idle.bind(engine);
      engine.idle = async () => {
        samples.push(performance.now() - begun);
        const { user, system } = process.cpuUsage(cpuBegun);
        cpuSamples.push((user + system) / 1000);
        await idle();
      };
      try {
        await denoiser.run({
          tokens,
          runner: {
            run: (passes, step) => {
              cpuBegun = process.cpuUsage();
              begun = performance.now();
              return FULL_PASS.run(passes, step);
            },
          },
        });
      } finally {
        engine.idle = idle;
      }
      dispatches = (engine.counters.dispatches - before.dispatches) / denoiser.numSteps;
      submits = (engine.counters.submits - before.submits - 1) / denoiser.numSteps; // one is the readback
    };
    for (let i = 0; i < Math.max(1, Math.ceil(repeats / 20)); i++) await run(); // warm
    samples.length = cpuSamples.length = 0;
    while (samples.length < repeats) await run();
    const arenaBytes = [denoiser.passes.cond, denoiser.passes.uncond].reduce(
      (sum, pass) => sum + (pass?.program.memory.arenaBytes ?? 0),
      0,
    );
    const report = {
      node: process.versions.node,
      webgpu: (createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version,
      blocks,
      dispatches,
      submits,
      bindGroups: engine.counters.bindGroupsCreated,
      arenaBytes,
      step: spreadOf(samples),
      cpu: spreadOf(cpuSamples),
      largeShape: planLarge(blocks),
    };
    denoiser.dispose();
    return report;
  } finally {
    engine.dispose();
  }
}

function planLarge(blocks: number): EncodeReport['largeShape'] {
  const limits = { ...FLOOR_FACTS.limits, maxStorageBufferBindingSize: 0xffff_fffc, maxBufferSize: 0xffff_fffc };
  const config = { ...LARGE_CONFIG, numLayers: blocks };
  const program = planTransformer(
    { ...FLOOR_FACTS, limits },
    syntheticTable('plan', transformerTensors(config), 'F16'),
    {
      config,
      tokens: planImages([[1, 64, 64]], { variant: 'base', zeroCondT: false }),
      textLength: 256,
      ropeTheta: 10_000,
    },
  );
  const { placeOf, arenas, arenaBytes, peakLiveBytes } = planMemory(program);
  const barriers = barriersOf(program, (id) => (placeOf.has(id) ? `arena ${placeOf.get(id)?.arena}` : id));
  return {
    dispatches: program.dispatches.length,
    barriers: barriers.size,
    arenas: arenas.length,
    arenaBytes,
    peakLiveBytes,
  };
}

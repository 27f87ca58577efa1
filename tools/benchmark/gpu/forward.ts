import { seededRandom } from '../../../kernels/case-random.ts';
import type { TransformerConfig } from '../../../model/config/transformer-config.ts';
import { transformerTensors } from '../../../model/mmdit/tensors.ts';
import { planTransformer } from '../../../model/mmdit/transformer.ts';
import { PASS_STATES } from '../../../model/mmdit/transformer-program.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { compileProgram, type Program } from '../../../runtime/program/program.ts';
import { profileProgram, type DispatchTiming } from '../../../runtime/timing.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import { RandomWeights } from './random-weights.ts';

/** Qwen-Image's published transformer: 60 blocks of width 3072, 20 billion parameters with modulation. */
export const LARGE_CONFIG: TransformerConfig = {
  patchSize: 2,
  inChannels: 64,
  outChannels: 16,
  numLayers: 60,
  attentionHeadDim: 128,
  numAttentionHeads: 24,
  jointAttentionDim: 3584,
  guidanceEmbeds: false,
  axesDimsRope: [16, 56, 56],
  zeroCondT: false,
  useAdditionalTCond: false,
  useLayer3dRope: false,
};

/** All dispatches of a program by one variant of an op. */
export interface KernelSum {
  readonly op: string;
  readonly variant: string;
  readonly count: number;
  readonly ms: number;
  readonly flops: number;
}

/** What a forward of random weights took. */
export interface ForwardResult {
  readonly blocks: number;
  readonly imageTokens: number;
  readonly textTokens: number;
  readonly flops: number;
  readonly dispatches: number;
  readonly weightBytes: number;
  readonly activationBytes: number;
  /** Milliseconds of a forward by the wall clock, wait included. */
  readonly wall: Spread;
  readonly teraflops: number;
  /** Milliseconds of JavaScript to encode and submit a forward. */
  readonly encodeMs: number;
  /** Sum of all kernels' times by timestamps, where there are any, and its parts by op and variant. */
  readonly kernelMs: number | null;
  readonly kernels: readonly KernelSum[];
  /** What is wrong with the velocity: not finite, or all the same. */
  readonly fault: string | null;
}

/** A transformer of random weights, ready to run. */
export interface RandomForward {
  readonly program: Program;
  readonly numTokens: number;
  readonly dispatches: number;
  readonly weightBytes: number;
  readonly dispose: () => void;
}

/**
 * Makes a transformer whose weights are random and made on the device: f16 matrices, no modulation weights (a step's vectors
 * come out of a table in real runs too).
 *
 * @param grid side lengths of the image in tokens
 * @throws DeviceError `out-of-memory` if weights or activations do not fit
 */
export async function compileRandomForward(
  engine: Engine,
  config: TransformerConfig,
  grid: readonly [height: number, width: number],
  textTokens: number,
): Promise<RandomForward> {
  const [height, width] = grid;
  const numTokens = height * width;
  const positions = Int32Array.from({ length: 3 * numTokens }, (_, i) => {
    const token = Math.floor(i / 3);
    return [0, Math.floor(token / width), token % width][i % 3];
  });
  const table = syntheticTable('random weights', transformerTensors(config), 'F16');
  const plan = planTransformer(engine.facts, table, {
    config,
    tokens: {
      numTokens,
      positions,
      modulationRows: new Int32Array(numTokens),
      modulationRowCount: 1,
      condFlags: new Int32Array(numTokens),
      predicted: [[0, numTokens]],
      textStart: Math.max(height, width),
    },
    textLength: textTokens,
    ropeTheta: 10000,
  });
  const weights = new RandomWeights(engine);
  let program: Program | undefined;
  const dispose = (): void => {
    program?.dispose();
    weights.dispose();
    engine.pool.trim();
  };
  try {
    program = await compileProgram(engine, plan, { weights });
    const random = seededRandom(7);
    for (const name of [PASS_STATES.tokens, PASS_STATES.text, PASS_STATES.modulation]) {
      const shape = plan.states.get(name)?.shape ?? [0];
      const count = shape.reduce((product, size) => product * size, 1);
      const scale = name === PASS_STATES.modulation ? 0.2 : 1;
      program.write(
        name,
        Float32Array.from({ length: count }, () => random.uniform(-scale, scale)),
      );
    }
    return { program, numTokens, dispatches: plan.dispatches.length, weightBytes: weights.bytes, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Runs a forward of random weights once to check that it gives numbers, then by the clock, then kernel by kernel. */
export async function benchForward(
  engine: Engine,
  config: TransformerConfig,
  grid: readonly [height: number, width: number],
  textTokens: number,
  repeats = 3,
): Promise<ForwardResult> {
  const forward = await compileRandomForward(engine, config, grid, textTokens);
  const { program } = forward;
  try {
    program.run();
    await engine.idle();
    const velocity = (await program.read(PASS_STATES.velocity)) as Float32Array;
    const walls: number[] = [];
    let encodeMs = 0;
    for (let i = 0; i < repeats; i++) {
      const start = performance.now();
      program.run();
      encodeMs = performance.now() - start;
      await engine.idle();
      walls.push(performance.now() - start);
    }
    const wall = spreadOf(walls);
    const timings = engine.device.features.has('timestamp-query') ? await profileProgram(engine, program) : [];
    const flops = program.flops();
    return {
      blocks: config.numLayers,
      imageTokens: forward.numTokens,
      textTokens,
      flops,
      dispatches: forward.dispatches,
      weightBytes: forward.weightBytes,
      activationBytes: program.memory.arenaBytes,
      wall,
      teraflops: flops / wall.p50 / 1e9,
      encodeMs,
      kernelMs: timings.length > 0 ? timings.reduce((sum, { durationMs }) => sum + durationMs, 0) : null,
      kernels: sumByKernel(timings),
      fault: faultOf(velocity),
    };
  } finally {
    forward.dispose();
  }
}

/** Adds up dispatches of the same kernel, the one that takes longest first. */
export function sumByKernel(timings: readonly DispatchTiming[]): KernelSum[] {
  const kernels = new Map<string, KernelSum>();
  for (const { op, variant, durationMs, flops } of timings) {
    const key = `${op}|${variant}`;
    const entry = kernels.get(key) ?? { op, variant, count: 0, ms: 0, flops: 0 };
    kernels.set(key, { ...entry, count: entry.count + 1, ms: entry.ms + durationMs, flops: entry.flops + flops });
  }
  return [...kernels.values()].sort((a, b) => b.ms - a.ms);
}

/** What is wrong with a result of random weights: not finite, or all the same. */
export function faultOf(values: Float32Array): string | null {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) return `value ${bad} of the result is ${values[bad]}`;
  return values.every((value) => value === values[0]) ? 'the result is constant' : null;
}

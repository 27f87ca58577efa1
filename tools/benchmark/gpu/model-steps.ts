import { seededRandom } from '../../../kernels/case-random.ts';
import type { TransformerConfig } from '../../../model/config/transformer-config.ts';
import { parseVaeConfig } from '../../../model/config/vae-config.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import { recordVae } from '../../../model/vae/record.ts';
import { vaeTensors } from '../../../model/vae/tensors.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { profileProgram } from '../../../runtime/timing.ts';
import { figure, spreadText, tableLines } from '../print-report.ts';
import { spreadOf } from '../statistics.ts';
import { benchForward, faultOf, LARGE_CONFIG, sumByKernel, type ForwardResult, type KernelSum } from './forward.ts';
import { RandomWeights } from './random-weights.ts';
import type { StepContext, StepResult } from './step.ts';

/** The transformer of a step: of the published shape, or as narrow as a CPU driver can take. */
export function transformerOf({ isSmall }: Pick<StepContext, 'isSmall'>, blocks: number): TransformerConfig {
  return isSmall ? narrowConfig(Math.min(blocks, 2)) : { ...LARGE_CONFIG, numLayers: blocks };
}

function narrowConfig(blocks: number): TransformerConfig {
  return {
    ...LARGE_CONFIG,
    numLayers: blocks,
    attentionHeadDim: 16,
    numAttentionHeads: 2,
    axesDimsRope: [4, 6, 6],
    jointAttentionDim: 24,
  };
}

/** Runs blocks of the large transformer with random weights. */
export async function forwardStep(
  context: StepContext,
  blocks: number,
  grid: readonly [height: number, width: number],
  textTokens = 256,
): Promise<StepResult> {
  const { engine, isSmall, isNull } = context;
  const config = transformerOf(context, blocks);
  const result = await benchForward(engine, config, isSmall ? [4, 6] : grid, isSmall ? 5 : textTokens);
  return isNull ? compiledOnly(result.dispatches) : { fault: result.fault, lines: forwardLines(result), data: result };
}

/** Sixty blocks so narrow that next to nothing is computed: what a step's hundreds of dispatches cost by themselves. */
export async function chainStep({ engine, isSmall, isNull }: StepContext): Promise<StepResult> {
  const result = await benchForward(engine, narrowConfig(isSmall ? 6 : 60), [4, 6], 5);
  if (isNull) return compiledOnly(result.dispatches);
  const each = (ms: number): string => figure((ms * 1000) / result.dispatches);
  return {
    fault: result.fault,
    lines: [
      `${result.blocks} narrow blocks, ${result.dispatches} dispatches: ${figure(result.wall.p50)} ms, ` +
        `${each(result.wall.p50)} us each, ${each(result.encodeMs)} us of it encoding`,
    ],
    data: result,
  };
}

/** The decoder of the published autoencoder with random f16 weights, for a picture of 1024 x 1024. */
export async function decodeStep({ engine, isSmall, isNull }: StepContext): Promise<StepResult> {
  const config = parseVaeConfig(`{ "_class_name": "AutoencoderKLQwenImage", "base_dim": ${isSmall ? 8 : 96} }`);
  const side = isSmall ? 4 : 128;
  const table = syntheticTable('random weights', vaeTensors(config), 'F16');
  const { plan, input, output } = recordVae(engine.facts, config, table, 'decode', { height: side, width: side });
  const weights = new RandomWeights(engine);
  try {
    const program = await compileProgram(engine, plan, { weights });
    try {
      const random = seededRandom(5);
      for (const { value } of input.bands)
        program.write(value, random.floats(value.shape.reduce((product, size) => product * size, 1)));
      program.run();
      await engine.idle();
      if (isNull) return compiledOnly(plan.dispatches.length);
      const pixels = (await program.read(output.bands[0].value)) as Float32Array;
      const walls: number[] = [];
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        program.run();
        await engine.idle();
        walls.push(performance.now() - start);
      }
      const wall = spreadOf(walls);
      const flops = program.flops();
      const timings = engine.device.features.has('timestamp-query') ? await profileProgram(engine, program) : [];
      const kernels = sumByKernel(timings);
      const fault = faultOf(pixels);
      return {
        fault,
        lines: [
          `${output.width} x ${output.height} pixels, ${plan.dispatches.length} dispatches: ${spreadText(wall)} ms, ${figure(flops / wall.p50 / 1e9)} TFLOP/s${fault ? `; WRONG: ${fault}` : ''}`,
          ...kernelSumLines(kernels),
        ],
        data: { width: output.width, height: output.height, flops, wall, kernels },
      };
    } finally {
      program.dispose();
    }
  } finally {
    weights.dispose();
  }
}

/** All there is to say where nothing was computed. */
function compiledOnly(dispatches: number): StepResult {
  return { fault: null, lines: [`compiled: ${dispatches} dispatches`], data: { dispatches } };
}

function forwardLines(result: ForwardResult): string[] {
  const { wall, kernelMs, kernels, weightBytes, activationBytes } = result;
  return [
    `${result.blocks} blocks, ${result.imageTokens} + ${result.textTokens} tokens: ${figure(wall.p50)} ms, ${figure(result.teraflops)} TFLOP/s; ` +
      `kernels ${kernelMs === null ? 'not timed' : `${figure(kernelMs)} ms`}, encoding ${figure(result.encodeMs)} ms of ${result.dispatches} dispatches`,
    `weights ${(weightBytes / 2 ** 30).toFixed(2)} GiB, activations ${(activationBytes / 2 ** 30).toFixed(2)} GiB${result.fault ? `; WRONG: ${result.fault}` : ''}`,
    ...kernelSumLines(kernels),
  ];
}

function kernelSumLines(kernels: readonly KernelSum[]): string[] {
  if (kernels.length === 0) return [];
  return tableLines(
    ['op', 'variant', 'count', 'ms', 'TFLOP/s'],
    kernels.map(({ op, variant, count, ms, flops }) => [
      op,
      variant,
      String(count),
      figure(ms),
      figure(flops / ms / 1e9),
    ]),
    2,
  );
}

import { cases as attentionCases } from '../../../kernels/attention/attention.cases.ts';
import { cases as convCases } from '../../../kernels/conv2d/conv2d.cases.ts';
import { cases as matmulCases } from '../../../kernels/matmul/matmul.cases.ts';
import { describeMachine, describeSource } from '../machine.ts';
import { figure } from '../print-report.ts';
import { blockTargets, tune, type TuneResult } from '../tuner.ts';
import { writeTuning } from '../tuning-file.ts';
import { attentionSweep } from './attention-sweep.ts';
import { GPU_RUN_DAWN, probeToggles, toggleLines } from './dawn-toggles.ts';
import { directCases } from './direct-sweep.ts';
import { sweepCase } from './gemm-sweep.ts';
import { ggmlTurns } from './ggml-steps.ts';
import { checkCases, measureCases } from './kernel-steps.ts';
import { largeMatmul, opOf } from './large-cases.ts';
import { largeConv } from './large-conv.ts';
import { chainStep, decodeStep, forwardStep } from './model-steps.ts';
import { ortTurns, type OrtAttention } from './ort-steps.ts';
import { benchOverhead, benchTransfers } from './overhead.ts';
import type { GpuStep, StepContext, StepResult } from './step.ts';
import {
  attentionTurns,
  blockTurns,
  convTurns,
  gemmTurns,
  int8Turns,
  type ConvShape,
  type ProductShape,
} from './torch-steps.ts';
import { checkUnits } from './unit-check.ts';

/** The product that stands for all: the first of a block's MLP. */
const MAIN: ProductShape = [8192, 12288, 3072];
const SMALL: ProductShape = [64, 128, 64];

/** The other products of a block, [n, k]. */
const OTHERS = [
  [3072, 12288],
  [9216, 3072],
  [3072, 3072],
] as const;

/** Products of a block, [n, k], with each number of rows. */
function shapesOf(
  { isSmall }: StepContext,
  rows: readonly number[],
  weights: readonly (readonly [n: number, k: number])[],
): readonly ProductShape[] {
  return isSmall ? [SMALL] : rows.flatMap((m) => weights.map(([n, k]) => [m, n, k] as const));
}

/** Levels of the decoder at 1024 x 1024. */
function convShapes({ isSmall }: StepContext): readonly ConvShape[] {
  if (isSmall) return [{ h: 9, w: 16, cin: 16, cout: 16 }];
  return [
    { h: 1024, w: 1024, cin: 96, cout: 96 },
    { h: 512, w: 512, cin: 192, cout: 192 },
    { h: 256, w: 256, cin: 384, cout: 384 },
    { h: 128, w: 128, cin: 384, cout: 384 },
  ];
}

/** Heads as wide as on the GPU where kernels are only compiled. */
const heads = ({ isSmall, isNull }: StepContext): readonly [count: number, dim: number] =>
  isSmall ? [2, isNull ? 128 : 16] : [24, 128];

/** In the order of what matters most, should the time run out; each result is on disk before the next step starts. */
export const GPU_STEPS: readonly GpuStep[] = [
  {
    name: 'device',
    part: 1,
    seconds: [2, 60],
    what: 'adapter, features, limits, matrix configurations, toggles',
    run: describe,
  },
  { name: 'units', part: 1, seconds: [5, 60], what: 'one product of each matrix configuration', run: checkUnits },
  {
    name: 'gemm',
    part: 1,
    seconds: [30, 150],
    what: 'G1: all tiles, single and double buffer, at M 8192, N 12288, K 3072',
    run: (context) => measureCases(context, opOf('matmul', [largeMatmul(...(context.isSmall ? SMALL : MAIN))])),
  },
  {
    name: 'forward-4k',
    part: 1,
    seconds: [20, 90],
    what: 'G5: 60 blocks of width 3072 at 4.4k tokens',
    run: (context) => forwardStep(context, 60, [64, 64]),
  },
  {
    name: 'torch-gemm',
    part: 1,
    seconds: [30, 90],
    what: 'G1: products of a block beside torch in f16 and bf16, in turns',
    run: (context) =>
      gemmTurns(context, [
        ...(context.isSmall ? [SMALL] : [MAIN]),
        ...(context.isSmall ? [] : shapesOf(context, [4096, 12800], OTHERS)),
        ...(context.isSmall ? [] : [1, 8].map((m) => [m, 18432, 3072] as const)),
      ]),
  },
  {
    name: 'attention',
    part: 1,
    seconds: [25, 120],
    what: 'G3: tiles of 16 to 128 rows, static bound and lazy rescale, at 12800 and 4352 tokens',
    run: (context) =>
      measureCases(
        context,
        opOf(
          'attention',
          (context.isSmall ? [96] : [12800, 4352]).flatMap((s) =>
            attentionSweep(context.engine.facts, s, ...heads(context)),
          ),
        ),
      ),
  },
  {
    name: 'forward-12k',
    part: 1,
    seconds: [30, 120],
    what: 'G5: 60 blocks of width 3072 at 12.8k tokens',
    run: (context) => forwardStep(context, 60, [112, 112]),
  },
  {
    name: 'block',
    part: 1,
    seconds: [15, 60],
    what: 'G4: one block at 12.8k + 512 tokens, by kernel',
    run: (context) => forwardStep(context, 1, [100, 128], 512),
  },
  {
    name: 'torch-attention',
    part: 2,
    seconds: [30, 100],
    what: 'G3: attention beside the back ends of torch, in turns',
    run: (context) =>
      attentionTurns(context, context.isSmall ? [96] : [4096, 8192, 12800, 16384, 20480], ...heads(context)),
  },
  {
    name: 'torch-block',
    part: 2,
    seconds: [40, 130],
    what: 'G4: one block beside torch, eager and compiled',
    run: blockTurns,
  },
  {
    name: 'torch-int8',
    part: 2,
    seconds: [30, 90],
    what: 'G2: int8 weights and W8A8 beside _int_mm and _scaled_mm',
    run: (context) => int8Turns(context, context.isSmall ? [SMALL] : [MAIN, [12800, 3072, 12288]]),
  },
  {
    name: 'int8',
    part: 2,
    seconds: [20, 90],
    what: 'G2: all tiles with int8 weights, and with both operands int8',
    run: (context) => {
      const [m, n, k] = context.isSmall ? SMALL : MAIN;
      return measureCases(
        context,
        opOf(
          'matmul',
          (['w8a8', 'i8'] as const).map((operands) => largeMatmul(m, n, k, operands)),
        ),
      );
    },
  },
  {
    name: 'sweep',
    part: 2,
    seconds: [20, 90],
    what: 'G1: the staging type, padding and bands of the best tiles',
    run: (context) => measureCases(context, opOf('matmul', [sweepCase(...(context.isSmall ? SMALL : MAIN))])),
  },
  {
    name: 'direct',
    part: 2,
    seconds: [20, 80],
    what: 'G1: fragments straight from global memory, in rows and packed',
    run: (context) =>
      measureCases(context, opOf('matmul', directCases(context.engine.facts, ...(context.isSmall ? SMALL : MAIN)))),
  },
  {
    name: 'epilogue',
    part: 2,
    seconds: [15, 60],
    what: 'G1: without and with bias and gelu',
    run: (context) => {
      const [m, n, k] = context.isSmall ? SMALL : MAIN;
      const fused = [{}, { bias: true }, { bias: true, activation: 'gelu_tanh' }] as const;
      return measureCases(
        context,
        opOf(
          'matmul',
          fused.map((epilogue) => largeMatmul(m, n, k, 'f16', epilogue)),
        ),
        'chosen',
      );
    },
  },
  { name: 'overhead', part: 2, seconds: [5, 40], what: 'G8: thousands of dispatches', run: overhead },
  { name: 'chain', part: 2, seconds: [5, 40], what: 'G8: 60 blocks that compute next to nothing', run: chainStep },
  { name: 'transfers', part: 2, seconds: [5, 40], what: 'G7: uploads and readback', run: transfers },
  {
    name: 'torch-gemm-more',
    part: 2,
    seconds: [30, 120],
    what: 'G1: products of a block with the other numbers of rows, beside torch, in turns',
    run: (context) =>
      gemmTurns(context, [
        ...shapesOf(context, [12800, 4096, 16384], [[MAIN[1], MAIN[2]]]),
        ...(context.isSmall ? [] : shapesOf(context, [8192, 16384], OTHERS)),
      ]),
  },
  {
    name: 'conv',
    part: 3,
    seconds: [20, 90],
    what: 'G6: convolutions of the decoder, all variants',
    run: (context) =>
      measureCases(
        context,
        opOf(
          'conv2d',
          convShapes(context).map(({ h, w, cin, cout }) => largeConv(h, w, cin, cout)),
        ),
      ),
  },
  { name: 'decode', part: 3, seconds: [15, 60], what: 'G6: the decoder at 1024 x 1024', run: decodeStep },
  {
    name: 'torch-conv',
    part: 3,
    seconds: [25, 90],
    what: 'G6: convolutions beside torch, in turns',
    run: (context) => convTurns(context, convShapes(context)),
  },
  {
    name: 'ort',
    part: 3,
    seconds: [30, 120],
    what: "G1, G3: products and attention beside ONNX Runtime's WebGPU provider, in turns",
    run: (context) => {
      const [count, d] = heads(context);
      const attention = (s: number, ...forms: OrtAttention['forms']): OrtAttention => ({ s, heads: count, d, forms });
      return ortTurns(
        context,
        context.isSmall ? [SMALL] : [MAIN, ...shapesOf(context, [4096], OTHERS)],
        // Decomposed it keeps all weights: 0.8 GB at 4096 tokens, 7.9 GB at 12800, which no binding takes.
        context.isSmall
          ? [attention(96, 'decomposed', 'fused')]
          : [attention(4096, 'decomposed', 'fused'), attention(12800, 'fused')],
      );
    },
  },
  {
    name: 'ggml',
    part: 3,
    seconds: [30, 130],
    what: "G1, G2: products beside ggml's Vulkan back end with cooperative matrices and without, in turns",
    run: (context) =>
      context.isSmall
        ? ggmlTurns(context, [SMALL], [SMALL])
        : ggmlTurns(context, [MAIN, ...shapesOf(context, [4096], OTHERS), [8, 18432, 3072]], [MAIN]),
  },
  {
    name: 'gemm-more',
    part: 3,
    seconds: [30, 150],
    what: 'G1: all tiles for the other products of a block at M 4096 and 12800',
    run: (context) =>
      measureCases(
        context,
        opOf(
          'matmul',
          shapesOf(context, [12800, 4096], OTHERS.slice(0, 2)).map((shape) => largeMatmul(...shape)),
        ),
      ),
  },
  { name: 'tuner', part: 3, seconds: [20, 60], what: 'the tuner for blocks of width 3072', run: tuner },
  {
    name: 'check',
    part: 3,
    seconds: [30, 300],
    what: 'every variant of matmul, attention and conv2d against f64, on the shapes of the tests',
    run: (context) => checkCases(context, [matmulCases, attentionCases, convCases], context.isSmall ? 3 : Infinity),
  },
];

async function describe({ engine, isNull }: StepContext): Promise<StepResult> {
  const features = [...engine.device.features].sort();
  const machine = describeMachine(engine);
  const startMs = performance.now();
  const toggles = probeToggles(isNull ? { backend: 'null' } : GPU_RUN_DAWN);
  const data = { ...describeSource(), machine, features, facts: engine.facts, startMs, toggles };
  const configs = machine.matrixConfigs.map(
    ({ component, result, m, n, k }) => `${component}->${result} ${m}x${n}x${k}`,
  );
  return Promise.resolve({
    fault: null,
    data,
    lines: [
      machine.device,
      `features: ${features.join(', ')}`,
      `matrix configurations: ${configs.join(', ') || 'none'}`,
      ...toggleLines(toggles),
      `first device after ${figure(data.startMs)} ms of process`,
    ],
  });
}

async function overhead({ engine, isSmall, isNull }: StepContext): Promise<StepResult> {
  const data = await benchOverhead(engine, isSmall ? 200 : 4000);
  const line = `${data.dispatches} dispatches: ${figure(data.encodeUs)} us each to encode, ${figure(data.totalUs)} us in all`;
  return { fault: null, data, lines: isNull ? [] : [line] };
}

async function transfers({ engine, isSmall, isNull }: StepContext): Promise<StepResult> {
  const data = await benchTransfers(engine, isSmall ? 2 ** 24 : 2 ** 30);
  return {
    fault: null,
    data,
    lines: isNull ? [] : [`upload ${figure(data.uploadGbs)} GB/s, readback ${figure(data.readbackGbs)} GB/s`],
  };
}

async function tuner({ engine, isSmall, isNull, keep, tuningFile }: StepContext): Promise<StepResult> {
  const targets = blockTargets(engine, isSmall ? 32 : 3072, isSmall ? [24] : [256, 4352, 12800], 'f16');
  const start = performance.now();
  const results: TuneResult[] = [];
  const tuned = await tune(engine, targets, (result) => {
    results.push(result);
    keep(results);
  });
  const classes = `${tuned.results.length} shape classes`;
  if (isNull) return { fault: null, data: null, lines: [`compiled: candidates of ${classes}`] };
  await writeTuning(tuningFile, engine, tuned);
  return {
    fault: null,
    data: tuned,
    lines: [
      `${classes} in ${figure((performance.now() - start) / 1000)} s`,
      ...tuned.results.map(({ shapeClass, chosen, times }) => {
        const [best] = times;
        return `${shapeClass}: ${chosen}${best.ms === null ? '' : ` ${figure(best.ms)} ms`}, of ${times.length}`;
      }),
    ],
  };
}

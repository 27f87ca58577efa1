import type { OpCases } from '../../../kernels/cases.ts';
import { cases as attentionCases } from '../../../kernels/attention/attention.cases.ts';
import { cases as convCases } from '../../../kernels/conv2d/conv2d.cases.ts';
import { cases as matmulCases } from '../../../kernels/matmul/matmul.cases.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { DEFAULT_CONTEST, runContest } from '../contest.ts';
import { describeMachine, describeSource } from '../machine.ts';
import type { Peers } from '../peers.ts';
import { figure, kernelLines, tableLines, workloadLines } from '../print-report.ts';
import type { KernelRow, Roofs } from '../report.ts';
import { runSuite } from '../suite.ts';
import { attentionWorkload, matmulWorkload } from '../workloads/plain-workloads.ts';
import { KernelRun, makeCaseData } from '../kernel-run.ts';
import { benchForward, LARGE_CONFIG, type ForwardResult } from './forward.ts';
import { largeAttention, largeMatmul, opOf } from './large-cases.ts';
import { benchOverhead, benchTransfers } from './overhead.ts';

/** What steps share. */
export interface GpuContext {
  readonly engine: Engine;
  readonly peers: Peers;
  /** Sizes for a dry run on a CPU driver. */
  readonly isSmall: boolean;
  /** Seconds of samples for each kernel. */
  readonly seconds: number;
}

/** What a step leaves behind. */
export interface GpuStepResult {
  readonly fault: string | null;
  readonly lines: readonly string[];
  readonly data: unknown;
}

/** One step: its result is on disk before the next one starts. */
export interface GpuStep {
  readonly name: string;
  readonly what: string;
  readonly run: (context: GpuContext) => Promise<GpuStepResult>;
}

/** Roofs of the device, measured once. */
let roofs: Roofs | undefined;

async function suite(
  { engine, seconds }: GpuContext,
  ops: readonly OpCases[],
  variants: 'chosen' | 'all' = 'all',
): Promise<GpuStepResult> {
  const result = await runSuite(engine, {
    ops,
    variants,
    clock: { seconds, minSamples: 5, maxSamples: 50 },
    ...(roofs ? { roofs } : {}),
    onRow: ({ op, case: name, variant }) => process.stderr.write(`${op} ${name} [${variant}]\n`),
  });
  roofs = result.roofs;
  return {
    fault: faultOf(result.kernels),
    lines: [...kernelLines(result.kernels), ...result.skipped.map((line) => `skipped ${line}`)],
    data: result,
  };
}

function faultOf(rows: readonly KernelRow[]): string | null {
  const wrong = rows.filter(({ fault }) => fault !== null);
  return wrong.length === 0 ? null : `${wrong.length} of ${rows.length} kernels are wrong or do not compile`;
}

/** Every test case of an op, in every variant, against its f64 reference: nothing is timed before. */
async function checkOps(engine: Engine, ops: readonly OpCases[]): Promise<GpuStepResult> {
  const wrong: string[] = [];
  let count = 0;
  for (const { op, cases } of ops)
    for (const testCase of cases) {
      if (testCase.benchOnly || testCase.skip?.(engine.facts)) continue;
      for (const variant of testCase.variants(engine.facts)) {
        count++;
        const label = `${op} ${testCase.name} [${variant}]`;
        try {
          const run = await KernelRun.compile(engine, testCase.plan(engine.facts, variant));
          try {
            const data = makeCaseData(engine, op, testCase, variant);
            const { fault } = await run.check(engine, data, testCase.tolerance);
            if (fault) wrong.push(`${label}: ${fault}`);
          } finally {
            run.dispose();
          }
        } catch (error) {
          engine.assertUsable();
          wrong.push(`${label}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
  return {
    fault: wrong.length > 0 ? `${wrong.length} of ${count} kernels are wrong or do not compile` : null,
    lines: [`${count - wrong.length} of ${count} right`, ...wrong.slice(0, 20)],
    data: { count, wrong },
  };
}

function forwardLines(result: ForwardResult): string[] {
  const { wall, kernelMs, kernels, weightBytes, activationBytes } = result;
  return [
    `${result.blocks} blocks, ${result.imageTokens} + ${result.textTokens} tokens: ${figure(wall.p50)} ms, ${figure(result.teraflops)} TFLOP/s; ` +
      `kernels ${kernelMs === null ? 'not timed' : `${figure(kernelMs)} ms`}, encoding ${figure(result.encodeMs)} ms of ${result.dispatches} dispatches`,
    `weights ${(weightBytes / 2 ** 30).toFixed(2)} GiB, activations ${(activationBytes / 2 ** 30).toFixed(2)} GiB${result.fault ? `; WRONG: ${result.fault}` : ''}`,
    ...tableLines(
      ['op', 'variant', 'count', 'ms', 'TFLOP/s'],
      kernels.map(({ op, variant, count, ms, flops }) => [
        op,
        variant,
        String(count),
        figure(ms),
        figure(flops / ms / 1e9),
      ]),
      2,
    ),
  ];
}

async function forward(
  { engine, isSmall }: GpuContext,
  blocks: number,
  side: readonly [number, number],
): Promise<GpuStepResult> {
  const config = isSmall
    ? {
        ...LARGE_CONFIG,
        numLayers: Math.min(blocks, 2),
        attentionHeadDim: 16,
        numAttentionHeads: 2,
        axesDimsRope: [4, 6, 6] as const,
        jointAttentionDim: 24,
      }
    : { ...LARGE_CONFIG, numLayers: blocks };
  const grid = isSmall ? ([4, 6] as const) : side;
  const result = await benchForward(engine, config, grid, isSmall ? 5 : 256);
  return { fault: result.fault, lines: forwardLines(result), data: result };
}

const gemmShapes = ({ isSmall }: GpuContext, rows: readonly number[], shapes: readonly (readonly [number, number])[]) =>
  isSmall ? [[64, 128, 64] as const] : rows.flatMap((m) => shapes.map(([n, k]) => [m, n, k] as const));

/** In the order of what matters most, should the time run out. */
export const GPU_STEPS: readonly GpuStep[] = [
  {
    name: 'device',
    what: 'adapter, features, limits, matrix configurations',
    run: async ({ engine }) => {
      const features = [...engine.device.features].sort();
      const machine = describeMachine(engine);
      const data = { ...describeSource(), machine, features, facts: engine.facts, startMs: performance.now() };
      const configs = machine.matrixConfigs.map(
        ({ component, result, m, n, k }) => `${component}->${result} ${m}x${n}x${k}`,
      );
      return {
        fault: null,
        data,
        lines: [
          machine.device,
          `features: ${features.join(', ')}`,
          `matrix configurations: ${configs.join(', ') || 'none'}`,
          `first device after ${figure(data.startMs)} ms of process`,
        ],
      };
    },
  },
  {
    name: 'check',
    what: 'every variant of matmul, attention and conv2d against f64, on the shapes of the tests',
    run: ({ engine }) => checkOps(engine, [matmulCases, attentionCases, convCases]),
  },
  {
    name: 'gemm',
    what: 'G1: all tiles at M 8192, N 12288, K 3072',
    run: (context) =>
      suite(context, [
        opOf(
          'matmul',
          gemmShapes(context, [8192], [[12288, 3072]]).map(([m, n, k]) => largeMatmul(m, n, k)),
        ),
      ]),
  },
  {
    name: 'forward-4k',
    what: 'G5: 60 blocks of width 3072 at 4.4k tokens',
    run: (context) => forward(context, 60, [64, 64]),
  },
  {
    name: 'attention',
    what: 'G3: all variants at 4352 and 12800 tokens',
    run: (context) => {
      const sizes = context.isSmall ? [96] : [4352, 12800];
      const heads = context.isSmall ? 2 : 24;
      return suite(context, [
        opOf(
          'attention',
          sizes.map((s) => largeAttention(s, heads, context.isSmall ? 16 : 128)),
        ),
      ]);
    },
  },
  {
    name: 'forward-12k',
    what: 'G5: 60 blocks of width 3072 at 12.8k tokens',
    run: (context) => forward(context, 60, [112, 112]),
  },
  {
    name: 'block',
    what: 'G4: one block at 12.8k tokens',
    run: (context) => forward(context, 1, [112, 112]),
  },
  {
    name: 'gemm-more',
    what: 'G1: the other products of a block at M 4096 and 12800',
    run: (context) => {
      const shapes = gemmShapes(
        context,
        [4096, 12800],
        [
          [3072, 12288],
          [9216, 3072],
        ],
      );
      return suite(context, [
        opOf(
          'matmul',
          shapes.map(([m, n, k]) => largeMatmul(m, n, k)),
        ),
      ]);
    },
  },
  {
    name: 'gemm-int8',
    what: 'G2: int8 weights',
    run: (context) => {
      const shapes = gemmShapes(context, [8192], [[12288, 3072]]);
      return suite(context, [
        opOf(
          'matmul',
          shapes.map(([m, n, k]) => largeMatmul(m, n, k, 'i8')),
        ),
      ]);
    },
  },
  {
    name: 'conv',
    what: 'G6: convolutions of the decoder',
    run: (context) =>
      suite(context, [
        opOf(
          'conv2d',
          convCases.cases
            .filter(({ benchOnly }) => (context.isSmall ? !benchOnly : benchOnly))
            .slice(0, context.isSmall ? 2 : 8),
        ),
      ]),
  },
  {
    name: 'overhead',
    what: 'G7, G8: uploads, readback, thousands of dispatches',
    run: async ({ engine, isSmall }) => {
      const data = {
        ...(await benchTransfers(engine, isSmall ? 2 ** 24 : 2 ** 30)),
        ...(await benchOverhead(engine, isSmall ? 200 : 4000)),
      };
      return {
        fault: null,
        data,
        lines: [
          `upload ${figure(data.uploadGbs)} GB/s, readback ${figure(data.readbackGbs)} GB/s`,
          `${data.dispatches} dispatches: ${figure(data.encodeUs)} us each to encode, ${figure(data.totalUs)} us in all`,
        ],
      };
    },
  },
  {
    name: 'peers',
    what: 'G1 and G3 beside the peers that are installed, in turns',
    run: async ({ engine, peers, isSmall }) => {
      const workloads = isSmall
        ? [matmulWorkload('G1', 64, 96, 32, 'f16'), attentionWorkload('G3', 64, 2, 16, 'f16')]
        : [
            matmulWorkload('G1', 8192, 12288, 3072, 'f16'),
            matmulWorkload('G1', 8192, 3072, 12288, 'f16'),
            matmulWorkload('G1', 12800, 9216, 3072, 'f16'),
            attentionWorkload('G3', 4096, 24, 128, 'f16'),
            attentionWorkload('G3', 12800, 24, 128, 'f16'),
          ];
      const rows = await runContest(engine, workloads, peers, DEFAULT_CONTEST);
      const ours = rows.flatMap(({ contestants }) => contestants.filter(({ name }) => name === 'layerloom'));
      const fault = ours.find((contestant) => contestant.fault !== null)?.fault ?? null;
      return { fault, lines: workloadLines(rows), data: rows };
    },
  },
];

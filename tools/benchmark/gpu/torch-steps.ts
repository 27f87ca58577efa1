import type { Engine } from '../../../runtime/engine.ts';
import { KernelRun, makeCaseData, type BenchCase, type CaseData } from '../kernel-run.ts';
import { compileRandomForward } from './forward.ts';
import { largeAttention, largeMatmul, type LargeOperands } from './large-cases.ts';
import { largeConv } from './large-conv.ts';
import { transformerOf } from './model-steps.ts';
import type { StepContext, StepResult } from './step.ts';
import { torchPeer } from './torch-peer.ts';
import { takeTurns, type OurTurn, type RivalTask, type TurnsRow } from './turns.ts';

/** A product's [m, n, k]. */
export type ProductShape = readonly [m: number, n: number, k: number];

/** A torch form of a row. */
function torch(name: string, task: RivalTask): TurnsRow['rivals'][number] {
  return { name: `torch ${name}`, peer: 'torch', task };
}

/**
 * A case in the planner's own variant, checked on samples.
 *
 * @param data the case's data where it is known already
 */
export async function turnOf(engine: Engine, op: string, testCase: BenchCase, data?: CaseData): Promise<OurTurn> {
  const [variant] = testCase.variants(engine.facts);
  const run = await KernelRun.compile(engine, testCase.plan(engine.facts, variant));
  try {
    const checked = data ?? makeCaseData(engine, op, testCase, variant);
    const { fault } = await run.check(engine, checked, testCase.tolerance);
    return { program: run.program, fault, dispose: () => run.dispose() };
  } catch (error) {
    run.dispose();
    throw error;
  }
}

/** G1: f16 in, f32 out, beside torch in f16 and bf16. */
export function gemmTurns(context: StepContext, shapes: readonly ProductShape[]): Promise<StepResult> {
  return takeTurns(
    context,
    [torchPeer(context)],
    shapes.map(([m, n, k]): TurnsRow => ({
      name: `G1 ${m} x ${n} x ${k}`,
      flops: 2 * m * n * k,
      ours: [{ name: 'layerloom f16', make: (engine) => turnOf(engine, 'matmul', largeMatmul(m, n, k)) }],
      rivals: ['f16', 'bf16'].map((dtype) => torch(dtype, { kind: 'linear', m, n, k, dtype })),
    })),
  );
}

/** G2: int8 weights and W8A8, beside torch's int8 and fp8 products. */
export function int8Turns(context: StepContext, shapes: readonly ProductShape[]): Promise<StepResult> {
  const ours: readonly (readonly [string, LargeOperands])[] = [
    ['layerloom f16 x int8', 'i8'],
    ['layerloom W8A8', 'w8a8'],
  ];
  const theirs = [
    ['f16', 'f16'],
    ['_int_mm', 'i8'],
    ['_scaled_mm fp8', 'f8'],
  ] as const;
  return takeTurns(
    context,
    [torchPeer(context)],
    shapes.map(([m, n, k]): TurnsRow => ({
      name: `G2 ${m} x ${n} x ${k}`,
      flops: 2 * m * n * k,
      ours: ours.map(([name, operands]) => ({
        name,
        make: (engine) => turnOf(engine, 'matmul', largeMatmul(m, n, k, operands)),
      })),
      rivals: theirs.map(([name, dtype]) => torch(name, { kind: 'linear', m, n, k, dtype })),
    })),
  );
}

/** G3: full attention beside torch's back ends, one by one. */
export function attentionTurns(
  context: StepContext,
  tokens: readonly number[],
  heads: number,
  d: number,
): Promise<StepResult> {
  const backends = context.isSmall ? ['flash', 'math'] : ['flash', 'cudnn', 'efficient'];
  return takeTurns(
    context,
    [torchPeer(context)],
    tokens.map((s): TurnsRow => ({
      name: `G3 S ${s}, ${heads} x ${d}`,
      flops: 4 * s * s * heads * d,
      ours: [{ name: 'layerloom', make: (engine) => turnOf(engine, 'attention', largeAttention(s, heads, d)) }],
      rivals: backends.map((backend) => torch(backend, { kind: 'sdpa', s, heads, d, backend })),
    })),
  );
}

/** G4: one block (ours with the small layers before and after it) beside torch's, eager and compiled. */
export function blockTurns(context: StepContext): Promise<StepResult> {
  const [grid, txt] = context.isSmall ? [[4, 6] as const, 5] : [[100, 128] as const, 512];
  const config = transformerOf(context, 1);
  const { numAttentionHeads: heads, attentionHeadDim: d } = config;
  const tokens = grid[0] * grid[1] + txt;
  const task = { kind: 'mmdit', heads, d, txt, img: grid[0] * grid[1] };
  const width = heads * d;
  return takeTurns(
    context,
    [torchPeer(context)],
    [
      {
        name: `G4 block of width ${width}, ${grid[0] * grid[1]} + ${txt} tokens`,
        flops: 24 * tokens * width ** 2 + 4 * tokens ** 2 * width,
        ours: [
          {
            name: 'layerloom f16',
            make: async (engine) => {
              const { program, dispose } = await compileRandomForward(engine, config, grid, txt);
              return { program, fault: null, dispose };
            },
          },
        ],
        rivals: [
          torch('bf16 eager', { ...task, compiled: false }),
          torch('bf16 compiled', { ...task, compiled: true }),
        ],
      },
    ],
  );
}

/** G6: a convolution of the decoder beside torch's. */
export function convTurns(context: StepContext, shapes: readonly ConvShape[]): Promise<StepResult> {
  return takeTurns(
    context,
    [torchPeer(context)],
    shapes.map(({ h, w, cin, cout }): TurnsRow => ({
      name: `G6 3x3, ${cin} to ${cout} at ${h} x ${w}`,
      flops: 18 * h * w * cin * cout,
      ours: [{ name: 'layerloom f16', make: (engine) => turnOf(engine, 'conv2d', largeConv(h, w, cin, cout)) }],
      rivals: ['f16', 'bf16'].map((dtype) => torch(dtype, { kind: 'conv', h, w, cin, cout, dtype })),
    })),
  );
}

/** A 3x3 convolution's picture and channels. */
export interface ConvShape {
  readonly h: number;
  readonly w: number;
  readonly cin: number;
  readonly cout: number;
}

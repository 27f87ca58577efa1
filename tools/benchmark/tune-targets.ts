import {
  attentionShapeClass,
  attentionVariants,
  isMatrixAttention,
  planAttention,
  type AttentionOptions,
} from '../../kernels/attention/attention.ts';
import {
  conv2dShapeClass,
  conv2dVariants,
  isMatrixConv,
  planConv2d,
  type Conv2dOptions,
} from '../../kernels/conv2d/conv2d.ts';
import type { DeviceFacts } from '../../kernels/facts.ts';
import {
  isMatrixVariant,
  matmulShapeClass,
  matmulVariants,
  planMatmul,
  type MatmulSpec,
} from '../../kernels/matmul/matmul.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../../runtime/engine.ts';

/** Something that the tuner picks a variant for: a shape class of an op. */
export interface TuneTarget {
  readonly op: string;
  readonly shapeClass: string;
  /** The planner's own choice first. */
  readonly variants: readonly string[];
  readonly plan: (variant: string) => KernelPlan;
  /** Largest difference between candidates' results, relative to the largest value; 1e-4 where absent. */
  readonly difference?: number;
}

/** Candidates at most for a shape class. */
export const MAX_CANDIDATES = 12;
/** Largest difference between tiles of the matrix unit in attention: weights are rounded to f16 against another maximum. */
const HALF_WEIGHTS = 2e-3;

/** Products and attention of an MMDiT block of some width, at some token counts. */
export function blockTargets(
  engine: Engine,
  width: number,
  tokens: readonly number[],
  dtype: 'f32' | 'f16' | 'bf16' | 'i8',
): TuneTarget[] {
  const shapes = [
    [3 * width, width],
    [width, width],
    [4 * width, width],
    [width, 4 * width],
  ];
  const headDim = [128, 64, 32, 16, 8].find((size) => width % size === 0 && width / size >= 2);
  return tokens.flatMap((m) => [
    ...shapes.map(([n, k]) => matmulTarget(engine, { m, n, k, w: { dtype, order: 'nk' }, bias: true })),
    ...(headDim === undefined
      ? []
      : [
          attentionTarget(engine, {
            queryRows: m,
            keyRows: m,
            heads: width / headDim,
            headDim,
            keyNorm: Math.sqrt(headDim),
          }),
        ]),
  ]);
}

/** The 3x3 convolutions of a Qwen-Image decoder that makes a picture of so many pixels a side, widths as published. */
export function decoderTargets(engine: Engine, side: number, weightDType: 'f32' | 'f16'): TuneTarget[] {
  const levels = [
    { scale: 8, inC: 384, outC: 384 },
    { scale: 4, inC: 384, outC: 384 },
    { scale: 4, inC: 384, outC: 192, upsample: 2 },
    { scale: 2, inC: 192, outC: 192 },
    { scale: 1, inC: 96, outC: 96 },
  ] as const;
  return levels.map(({ scale, ...rest }) => {
    const size = Math.max(1, Math.round(side / scale));
    return conv2dTarget(engine, { inH: size, inW: size, kernel: 3, weightDType, ...rest });
  });
}

/**
 * A product as a target. Only variants that round like the planner's choice compete: the matrix unit rounds its operands to
 * f16, and that is not the tuner's to decide.
 */
export function matmulTarget({ facts }: Engine, spec: MatmulSpec): TuneTarget {
  const untuned = withoutTuning(facts);
  const variants = alike(matmulVariants(untuned, spec), isMatrixVariant);
  return {
    op: 'matmul',
    shapeClass: matmulShapeClass(spec),
    variants,
    plan: (variant) => planMatmul(untuned, spec, variant as (typeof variants)[0]),
  };
}

/** Attention as a target: tiles of the matrix unit where that is what the planner takes, else its plain variants. */
export function attentionTarget({ facts }: Engine, options: AttentionOptions): TuneTarget {
  const untuned = withoutTuning(facts);
  const variants = alike(attentionVariants(untuned, options), isMatrixAttention);
  return {
    op: 'attention',
    shapeClass: attentionShapeClass(options) ?? '',
    variants,
    plan: (variant) => planAttention(untuned, options, variant as (typeof variants)[0]),
    ...(isMatrixAttention(variants[0]) ? { difference: HALF_WEIGHTS } : {}),
  };
}

/** A convolution as a target. */
export function conv2dTarget({ facts }: Engine, options: Conv2dOptions): TuneTarget {
  const untuned = withoutTuning(facts);
  const variants = alike(conv2dVariants(untuned, options), isMatrixConv);
  return {
    op: 'conv2d',
    shapeClass: conv2dShapeClass(options),
    variants,
    plan: (variant) => planConv2d(untuned, options, variant as (typeof variants)[0]),
  };
}

function withoutTuning(facts: DeviceFacts): DeviceFacts {
  const { tuning: _, ...untuned } = facts;
  return untuned;
}

/** The planner's choice and the variants that round as it does. */
function alike<V extends string>([first, ...others]: readonly V[], isMatrix: (name: V) => boolean): V[] {
  const rivals = others.filter((name) => isMatrix(name) === isMatrix(first) && name !== 'naive');
  return [first, ...rivals].slice(0, MAX_CANDIDATES);
}

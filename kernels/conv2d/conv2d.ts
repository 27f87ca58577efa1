import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { spreadGrid } from '../grid.ts';
import type { BindingSpec, KernelPlan } from '../plan.ts';
import { sizeClass, tunedFirst } from '../tuning.ts';
import { packUniform } from '../uniform.ts';
import { conv2dWeightLayout, type ConvWeightDType } from './conv2d-weight.ts';
import {
  conv2dMatrixVariants,
  describeMatrixConv,
  prefersMatrixConv,
  type Conv2dMatrixVariant,
} from './conv2d-matrix.ts';
import { wgsl as inputScalar } from './input-scalar.wgsl.ts';
import { wgsl as naive } from './conv2d-naive.wgsl.ts';
import { wgsl as taps } from './conv2d-taps.wgsl.ts';
import { wgsl as tile } from './conv2d-tile.wgsl.ts';
import { wgsl as unrolled } from './conv2d-unrolled.wgsl.ts';
import { wgsl as params } from './params.wgsl.ts';
import { wgsl as skipAdd } from './skip-add.wgsl.ts';
import { wgsl as skipInPlace } from './skip-in-place.wgsl.ts';
import { wgsl as weightBf16 } from './weight-bf16.wgsl.ts';
import { wgsl as weightF16 } from './weight-f16.wgsl.ts';
import { wgsl as weightF32 } from './weight-f32.wgsl.ts';

/**
 * `naive` is the readable one; `taps`, `taps-large` (more sums a lane) and `unrolled` suit software drivers, `tile` suits
 * GPUs; `matrix-...` runs on a device's matrix unit, a variant for each tile that fits: input and weight become f16, sums
 * are f32.
 */
export type Conv2dVariant = Conv2dMatrixVariant | 'naive' | 'taps' | 'taps-large' | 'unrolled' | 'tile';

/** Rows of a picture that one dispatch sees: pictures too large for one binding are worked on in bands of rows. */
export interface Conv2dBand {
  /** First stored input row that the input operand holds, and how many it holds. */
  readonly inRow0: number;
  readonly inRows: number;
  /** First output row that the output operand holds, and how many are computed. */
  readonly outRow0: number;
  readonly outRows: number;
}

/** One 2-D convolution of a picture [inH, inW, inC] f32, channels last. */
export interface Conv2dOptions {
  readonly inH: number;
  readonly inW: number;
  readonly inC: number;
  readonly outC: number;
  /**
   * 1 = 1x1 without padding. 3 = 3x3: with stride 1 padded by one zero pixel on each side; with stride 2 by one on the
   * right and at the bottom only.
   */
  readonly kernel: 1 | 3;
  readonly stride?: 1 | 2;
  /** 2: the picture is read as if each pixel were doubled in both directions (nearest), without ever being stored so. */
  readonly upsample?: 1 | 2;
  readonly weightDType: ConvWeightDType;
  /** Applies y * sigmoid(y) to the sum, before the residual is added. */
  readonly silu?: boolean;
  /** `add`: adds an operand of the output's shape; `in-place`: adds to what the output holds. */
  readonly residual?: 'none' | 'add' | 'in-place';
  /**
   * A power of two that the input is multiplied by where a variant rounds it to f16, taken back in f32; 1 by default.
   */
  readonly inScale?: number;
  /**
   * The input is normalised where it is read: times its pixel's factor (`planPixelFactors`) and its channel's gamma, then
   * SiLU where asked. Only variants of the matrix unit do it: see `conv2dFusesNorm`.
   */
  readonly norm?: { readonly silu: boolean };
  /** Elements before the operands' first; 0 by default. */
  readonly inOffset?: number;
  readonly residualOffset?: number;
  readonly outOffset?: number;
  /** The whole picture by default. `outOffset`, `residualOffset` and the operands then count from the band's first row. */
  readonly band?: Conv2dBand;
}

/**
 * Height and width of a convolution's output.
 *
 * @throws ShapeError if it would be empty (a side of 1 at stride 2)
 */
export function conv2dOutputSize(
  options: Pick<Conv2dOptions, 'inH' | 'inW' | 'stride' | 'upsample'>,
): readonly [height: number, width: number] {
  const { inH, inW, stride = 1, upsample = 1 } = options;
  const [height, width] = [inH, inW].map((side) => Math.floor((side * upsample) / stride));
  if (height < 1 || width < 1)
    throw new ShapeError(`conv2d: picture [${inH}, ${inW}] is too small for stride ${stride}: the output is empty.`);
  return [height, width];
}

/** Operations from which on `taps-large`, which runs 1.2 times as fast, is worth twice the time to compile. */
const LARGE_FLOPS = 5e8;

/** Names of the variants that run on a device, the planner's choice first. Those without a matrix unit run everywhere. */
export function conv2dVariants(facts: DeviceFacts, options: Conv2dOptions): readonly Conv2dVariant[] {
  const [height, width] = conv2dOutputSize(options);
  const matrix = conv2dMatrixVariants(facts, height * width, options.outC);
  const plain = plainVariants(facts, options);
  const isPreferred = prefersMatrixConv(facts, options.weightDType);
  const ranked = options.norm ? matrix : isPreferred ? [...matrix, ...plain] : [...plain, ...matrix];
  return tunedFirst(facts, 'conv2d', conv2dShapeClass(options), ranked);
}

/** Whether the planner's choice for a convolution can normalise its input as it reads it. */
export function conv2dFusesNorm(facts: DeviceFacts, options: Conv2dOptions): boolean {
  return isMatrixConv(conv2dVariants(facts, options)[0]);
}

/** Convolutions of one class have the same fastest variant, as far as the tuner can tell. */
export function conv2dShapeClass(options: Conv2dOptions): string {
  const { inC, outC, kernel, stride = 1, upsample = 1, weightDType } = options;
  const [height, width] = conv2dOutputSize(options);
  return `p${sizeClass(height * width)} ${inC}->${outC} k${kernel} s${stride} up${upsample} ${weightDType}`;
}

function plainVariants(facts: DeviceFacts, options: Conv2dOptions): readonly Conv2dVariant[] {
  const hasLarge = options.kernel === 3 && options.stride !== 2 && options.outC > 4;
  const large: readonly Conv2dVariant[] = hasLarge ? ['taps-large'] : [];
  if (facts.kind === 'gpu') return ['tile', 'naive', 'taps', ...large, 'unrolled'];
  if (facts.driver === 'swiftshader') return ['unrolled', 'naive', 'taps', ...large, 'tile'];
  const [height, width] = conv2dOutputSize(options);
  const isLarge = 18 * height * width * options.inC * options.outC >= LARGE_FLOPS;
  const taps: readonly Conv2dVariant[] = isLarge ? [...large, 'taps'] : ['taps', ...large];
  return [...taps, 'naive', 'unrolled', 'tile'];
}

const WEIGHTS: Readonly<Record<ConvWeightDType, string>> = { f32: weightF32, f16: weightF16, bf16: weightBf16 };

interface Layout {
  readonly label: string;
  /** Enables, which must come first; and how the input is read. */
  readonly head?: string;
  readonly input?: string;
  readonly body: string;
  readonly prelude: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  readonly tiles: readonly [pixels: number, channels: number];
  readonly lanesX: number;
}

/**
 * Plans out[y, x, o] = act(bias[o] + sum w * in) + residual. Bindings: input, weight, bias, residual, output; f32, but the
 * weight, which lies as `conv2dWeightLayout` says. Without a residual any buffer may stand for it; in place there is no
 * such binding. With a norm, `factors` (f32, a value for each stored pixel of the input) and `gamma` [inC] come before the
 * output.
 *
 * @throws ShapeError if a size is not a positive whole number, the output is empty, or a band leaves the picture or
 * lacks input rows that its output needs, or the variant cannot normalise
 */
export function planConv2d(facts: DeviceFacts, options: Conv2dOptions, variant?: Conv2dVariant): KernelPlan {
  const { inH, inW, inC, outC, kernel, stride = 1, upsample = 1, residual = 'none', weightDType } = options;
  const { silu = false, inOffset = 0, residualOffset = 0, outOffset = 0 } = options;
  for (const [name, size] of Object.entries({ inH, inW, inC, outC }))
    if (!Number.isInteger(size) || size < 1)
      throw new ShapeError(`conv2d: ${name} must be a whole number of at least 1, got ${size}.`);
  if (kernel === 1 && (stride !== 1 || upsample !== 1))
    throw new ShapeError(`conv2d: 1x1 takes stride 1 and no upsampling, got stride ${stride}, upsample ${upsample}.`);
  const { inScale = 1 } = options;
  if (!(inScale > 0) || Math.log2(inScale) % 1 !== 0)
    throw new ShapeError(`conv2d: inScale must be a power of two, got ${inScale}.`);
  const [outH, outW] = conv2dOutputSize(options);
  const pad = kernel === 3 && stride === 1 ? 1 : 0;
  const band = options.band ?? { inRow0: 0, inRows: inH, outRow0: 0, outRows: outH };
  checkBand(band, inH, outH, conv2dInputRows(options, band.outRow0, band.outRows));

  const chosen = variant ?? conv2dVariants(facts, options)[0];
  if (options.norm && (chosen === undefined || !isMatrixConv(chosen)))
    throw new ShapeError(
      `conv2d: a norm needs a variant of the matrix unit, got "${chosen ?? 'none'}". Use pixel_norm before.`,
    );
  const outEnd = band.outRows * outW * outC;
  const layout = lay(facts, chosen, options, band.outRows, outW);
  const weightBytes = conv2dWeightLayout(outC, inC, kernel, weightDType).byteLength;
  const bindings: BindingSpec[] = [
    { name: 'input', access: 'read', byteLength: (inOffset + band.inRows * inW * inC) * 4 },
    { name: 'weight', access: 'read', byteLength: weightBytes },
    { name: 'bias', access: 'read', byteLength: outC * 4 },
  ];
  if (residual !== 'in-place')
    bindings.push({
      name: 'residual',
      access: 'read',
      byteLength: residual === 'add' ? (residualOffset + outEnd) * 4 : 4,
    });
  if (options.norm)
    bindings.push(
      { name: 'factors', access: 'read', byteLength: band.inRows * inW * 4 },
      { name: 'gamma', access: 'read', byteLength: inC * 4 },
    );
  bindings.push({ name: 'output', access: 'read_write', byteLength: (outOffset + outEnd) * 4 });
  const prelude = [
    `const BINDING_OUT = ${bindings.length - 1};`,
    `const BINDING_PARAMS = ${bindings.length};`,
    ...(options.norm
      ? [`const BINDING_FACTORS = ${bindings.length - 3};`, `const BINDING_GAMMA = ${bindings.length - 2};`]
      : []),
    ...layout.prelude,
  ].join('\n');
  const up = upsample === 2 ? 1 : 0;
  return {
    op: 'conv2d',
    variant: layout.label,
    sources: [
      ...(layout.head ? [layout.head] : []),
      prelude,
      layout.input ?? inputScalar,
      WEIGHTS[weightDType],
      residual === 'in-place' ? skipInPlace : skipAdd,
      params,
      layout.body,
    ],
    constants: { ...layout.constants, SILU: silu ? 1 : 0 },
    bindings,
    uniform: packUniform(
      [
        [inH, inW, inC, band.outRows, outW, outC, kernel, stride, pad, up, residual === 'add' ? 1 : 0],
        [band.inRow0, band.inRows, band.outRow0, inOffset, residualOffset, outOffset, ...layout.tiles, layout.lanesX],
      ]
        .flat()
        .map((u32) => ({ u32 })),
    ),
    workgroups: layout.workgroups,
    flops: 2 * outEnd * inC * kernel * kernel,
    bytes: (band.inRows * inW * inC + outEnd * (residual === 'none' ? 1 : 2)) * 4 + weightBytes,
  };
}

/** Stored input rows [start, end) that output rows [outRow0, outRow0 + outRows) read. */
export function conv2dInputRows(
  options: Pick<Conv2dOptions, 'inH' | 'kernel' | 'stride' | 'upsample'>,
  outRow0: number,
  outRows: number,
): readonly [start: number, end: number] {
  const { inH, kernel, stride = 1, upsample = 1 } = options;
  const pad = kernel === 3 && stride === 1 ? 1 : 0;
  const first = Math.floor((outRow0 * stride - pad) / upsample);
  const last = Math.floor(((outRow0 + outRows - 1) * stride - pad + kernel - 1) / upsample);
  return [Math.max(0, first), Math.min(inH, last + 1)];
}

function checkBand(band: Conv2dBand, inH: number, outH: number, needs: readonly [number, number]): void {
  const { inRow0, inRows, outRow0, outRows } = band;
  const whole = [inRow0, inRows, outRow0, outRows].every((n) => Number.isInteger(n) && n >= 0);
  if (!whole || outRows < 1 || outRow0 + outRows > outH || inRow0 + inRows > inH)
    throw new ShapeError(
      `conv2d: band must lie in the picture, got input rows ${inRow0}+${inRows} of ${inH}, output rows ${outRow0}+${outRows} of ${outH}.`,
    );
  if (inRow0 > needs[0] || inRow0 + inRows < needs[1])
    throw new ShapeError(
      `conv2d: output rows ${outRow0}+${outRows} need input rows [${needs.join(', ')}), the band holds [${inRow0}, ${inRow0 + inRows}).`,
    );
}

/** True for the names of matrix variants. */
export function isMatrixConv(variant: Conv2dVariant): variant is Conv2dMatrixVariant {
  return variant.startsWith('matrix-');
}

function lay(
  facts: DeviceFacts,
  variant: Conv2dVariant,
  options: Conv2dOptions,
  outRows: number,
  outW: number,
): Layout {
  const { limits } = facts;
  const outQuads = Math.ceil(options.outC / 4);
  const none = { prelude: [], constants: {}, tiles: [0, 0], lanesX: 1 } as const;
  if (isMatrixConv(variant)) {
    const { rows, columns, ...text } = describeMatrixConv(facts, options, variant);
    const tiles = [Math.ceil((outRows * outW) / rows), Math.ceil(options.outC / columns)] as const;
    const constants = {
      IN_SCALE: options.inScale ?? 1,
      ...(options.norm ? { NORM_SILU: options.norm.silu ? 1 : 0 } : {}),
    };
    return {
      ...none,
      ...text,
      label: `${variant}${options.norm ? ',norm' : ''}`,
      constants,
      tiles,
      workgroups: spreadGrid(tiles[0] * tiles[1], limits),
    };
  }
  switch (variant) {
    case 'naive': {
      const workgroup = facts.kind === 'software' ? 8 : 64;
      const count = Math.ceil((outRows * outW * outQuads) / workgroup);
      const workgroups = spreadGrid(count, limits);
      return { ...none, label: `naive,WG=${workgroup}`, body: naive, constants: { WG: workgroup }, workgroups };
    }
    case 'tile': {
      const tiles = [Math.ceil((outRows * outW) / 128), Math.ceil(outQuads / 16)] as const;
      return { ...none, label: 'tile,128x64', body: tile, tiles, workgroups: spreadGrid(tiles[0] * tiles[1], limits) };
    }
    case 'unrolled': {
      const lanes = layLanes(facts, Math.ceil(outW / 8), outRows, Math.ceil(outQuads / 2));
      return { ...none, ...lanes, label: 'unrolled,8x1x8', body: unrolled };
    }
    case 'taps':
    case 'taps-large': {
      const [px, py, oq] = patchOf(options, outQuads, variant === 'taps-large');
      const { kernel, stride = 1 } = options;
      return {
        ...none,
        ...layLanes(facts, Math.ceil(outW / px), Math.ceil(outRows / py), Math.ceil(outQuads / oq)),
        label: `taps,${px}x${py}x${oq * 4},K${kernel}S${stride}`,
        body: taps,
        prelude: Object.entries({ PX: px, PY: py, OQ: oq, K: kernel, STRIDE: stride }).map(
          ([name, value]) => `const ${name} = ${value}u;`,
        ),
      };
    }
  }
}

/**
 * Pixels in x and y and vec4s of channels that a lane of `taps` computes. Few forms, because each is a pipeline that takes
 * about a second to compile there.
 */
function patchOf(
  options: Conv2dOptions,
  outQuads: number,
  isLarge: boolean,
): readonly [px: number, py: number, oq: number] {
  if (options.kernel === 1) return [4, 1, outQuads >= 2 ? 4 : 1];
  if (options.stride === 2) return [4, 2, 2];
  if (outQuads < 2) return [4, 4, 1];
  return isLarge ? [4, 4, 2] : [4, 2, 2];
}

/**
 * A workgroup is one subgroup; its lanes lie as wide over the picture as it needs, the rest in y.
 *
 * @param columns, rows patches that cover the picture
 */
function layLanes(
  facts: DeviceFacts,
  columns: number,
  rows: number,
  depth: number,
): Pick<Layout, 'constants' | 'lanesX' | 'workgroups'> {
  const lanes = facts.subgroups ? Math.min(16, Math.max(4, facts.subgroupMaxSize)) : 8;
  let lanesX = 1;
  while (lanesX < columns && lanesX < lanes) lanesX *= 2;
  const workgroups = [Math.ceil(columns / lanesX), Math.ceil(rows / (lanes / lanesX)), depth] as const;
  return { constants: { LANES: lanes }, lanesX, workgroups };
}

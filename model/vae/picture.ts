import { DeviceError } from '../../runtime/errors.ts';
import {
  conv2d,
  conv2dFusesNorm,
  conv2dInputRows,
  conv2dOutputSize,
  type ConvSpec,
  type ConvWeightDType,
} from '../../runtime/ops/conv2d.ts';
import { copyRows } from '../../runtime/ops/copy-rows.ts';
import { pixelFactors, pixelNorm } from '../../runtime/ops/pixel-norm.ts';
import { vectorWeight } from '../../runtime/ops/vector-weight.ts';
import type { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { Value } from '../../runtime/program/plan.ts';

/** Rows [row0, row0 + rows) of a picture, in a value of their own: [rows, width, channels] f32. */
export interface Band {
  readonly row0: number;
  readonly rows: number;
  readonly value: Value;
}

/**
 * An activation [height, width, channels] f32, channels last, as one or more bands of rows: 1024 x 1024 x 96 takes
 * 403 MB, and a device may bind no more than 128 MiB at once. Every op gives the same numbers however the rows are cut.
 */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly bands: readonly Band[];
}

/** Makes a band's storage. */
export type MakeBand = (shape: readonly number[], label: string) => Value;

/** How a program's convolutions and memory are set up. */
export interface PictureContext {
  readonly builder: ProgramBuilder;
  /** Form of a convolution's weight on the device. */
  readonly weightDType: (tensor: string) => ConvWeightDType;
  /** Names of activations that the host wants to read; the others are temporaries. */
  readonly wanted: ReadonlySet<string>;
  /** Where the wanted activations are found after recording. */
  readonly kept: Map<string, Picture>;
}

/** Rows that convolutions may add to a band on each side, together: they are bound with the band. */
const HALO_ROWS = 2;

/**
 * A picture whose bands are as large as the device can bind.
 *
 * @throws DeviceError `limit` if a few rows alone are too large
 */
export function makePicture(
  builder: ProgramBuilder,
  size: { readonly height: number; readonly width: number; readonly channels: number },
  label: string,
  make: MakeBand = (shape, name) => builder.temp('f32', shape, name),
): Picture {
  const { height, width, channels } = size;
  const most = bandRows(builder, size);
  if (most < height && most <= HALO_ROWS)
    throw new DeviceError(
      'limit',
      `vae: ${HALO_ROWS + 1} rows of ${width} pixels by ${channels} channels take ${(HALO_ROWS + 1) * width * channels * 4} bytes, the device binds at most ${builder.facts.limits.maxStorageBufferBindingSize}. Use a narrower picture or tiled decoding.`,
    );
  const perBand = most >= height ? height : most - HALO_ROWS;
  const bands: Band[] = [];
  for (let row0 = 0; row0 < height; row0 += perBand) {
    const rows = Math.min(perBand, height - row0);
    bands.push({ row0, rows, value: make([rows, width, channels], height > perBand ? `${label}@${row0}` : label) });
  }
  return { height, width, channels, bands };
}

/** Bands that the host can write and read. */
export function stateBands(builder: ProgramBuilder): MakeBand {
  return (shape, label) => builder.state(label, 'f32', shape);
}

/** Rows of a picture that the device can bind at once. */
function bandRows(builder: ProgramBuilder, size: { readonly width: number; readonly channels: number }): number {
  const { maxStorageBufferBindingSize, maxBufferSize } = builder.facts.limits;
  return Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / (size.width * size.channels * 4));
}

/** How a convolution of pictures is applied. */
export interface ConvolveOptions {
  readonly stride?: 1 | 2;
  readonly upsample?: 1 | 2;
  /** A picture of the result's size that is added to it. */
  readonly residual?: Picture;
  /** Name under which the result may be kept. */
  readonly keepAs?: string;
  /** Norm of x before the convolution; where the convolution can, it is done as x is read and never stored. */
  readonly norm?: PixelNorm;
}

/** A per-pixel norm over channels with `<name>.gamma` [channels, 1, ...], with or without SiLU; see `pixelNorm`. */
export interface PixelNorm {
  readonly name: string;
  readonly gammaRank: 3 | 4;
  readonly silu: boolean;
}

/** Convolution of a picture; see `conv2d`. */
export function convolve(
  context: PictureContext,
  picture: Picture,
  spec: Omit<ConvSpec, 'dtype'>,
  options: ConvolveOptions = {},
): Picture {
  const { builder } = context;
  const { stride = 1, upsample = 1, residual, keepAs, norm } = options;
  const geometry = { inH: picture.height, inW: picture.width, kernel: spec.kernel, stride, upsample };
  const [height, width] = conv2dOutputSize(geometry);
  const full: ConvSpec = { ...spec, dtype: context.weightDType(`${spec.name}.weight`) };
  const { inC, outC, dtype: weightDType } = full;
  const isFused = norm !== undefined && conv2dFusesNorm(builder.facts, { ...geometry, inC, outC, weightDType });
  const x = norm && !isFused ? normalize(context, picture, norm) : picture;
  const isKept = keepAs !== undefined && context.wanted.has(keepAs);
  const size = { height, width, channels: spec.outC };
  const out = makePicture(builder, size, spec.name, isKept ? stateBands(builder) : undefined);
  if (isKept) context.kept.set(keepAs, out);
  // A picture in bands may be larger than its result: then a band of the result is made in several steps, each of which
  // needs no more input rows than the device can bind.
  const most =
    x.bands.length === 1 ? height : Math.max(1, Math.floor(((bandRows(builder, x) - HALO_ROWS) * upsample) / stride));
  for (const [index, band] of out.bands.entries()) {
    const skip = residual && bandLike(residual, index, band);
    for (let done = 0; done < band.rows; done += most) {
      const rows = Math.min(most, band.rows - done);
      const [start, end] = conv2dInputRows(geometry, band.row0 + done, rows);
      const input = rowsOf(builder, x, start, end);
      conv2d(builder, input.value, full, {
        stride,
        upsample,
        out: builder.rows(band.value, done, rows),
        ...(skip && { residual: builder.rows(skip, done, rows) }),
        ...(isFused && {
          norm: {
            factors: pixelFactors(builder, builder.reshape(input.value, [input.rows * x.width, inC])),
            gamma: gammaOf(builder, norm, inC),
            silu: norm.silu,
          },
        }),
        band: {
          inH: x.height,
          inRow0: input.row0,
          inRows: input.rows,
          outRow0: band.row0 + done,
          outRows: rows,
        },
      });
    }
  }
  return out;
}

function gammaOf(builder: ProgramBuilder, { name, gammaRank }: PixelNorm, channels: number): Value {
  const ones = Array.from({ length: gammaRank - 1 }, () => 1);
  return builder.reshape(vectorWeight(builder, `${name}.gamma`, [channels, ...ones]), [channels]);
}

function normalize({ builder }: PictureContext, x: Picture, norm: PixelNorm): Picture {
  const { name, silu } = norm;
  const gamma = gammaOf(builder, norm, x.channels);
  const out = makePicture(builder, x, name);
  for (const [index, { rows, value }] of x.bands.entries()) {
    const shape = [rows * x.width, x.channels];
    pixelNorm(builder, {
      x: builder.reshape(value, shape),
      gamma,
      silu,
      out: builder.reshape(out.bands[index].value, shape),
    });
  }
  return out;
}

/**
 * The whole picture as one matrix [height * width, channels].
 *
 * @throws DeviceError `limit` if it was cut into bands: attention needs all of it at once
 */
export function asMatrix(builder: ProgramBuilder, x: Picture): Value {
  if (x.bands.length > 1)
    throw new DeviceError(
      'limit',
      `vae: attention over ${x.height} x ${x.width} latent pixels needs ${x.height * x.width * x.channels * 4} bytes in one binding, the device binds at most ${builder.facts.limits.maxStorageBufferBindingSize}. Use a smaller picture or tiled decoding.`,
    );
  return builder.reshape(x.bands[0].value, [x.height * x.width, x.channels]);
}

/** Rows that include [start, end): a band that has them all, or a copy of what several bands have of them. */
function rowsOf(builder: ProgramBuilder, x: Picture, start: number, end: number): Band {
  const holder = x.bands.find((band) => band.row0 <= start && end <= band.row0 + band.rows);
  if (holder) return holder;
  const value = builder.temp('f32', [end - start, x.width, x.channels], 'halo');
  for (const band of x.bands) {
    const from = Math.max(start, band.row0);
    const to = Math.min(end, band.row0 + band.rows);
    if (from >= to) continue;
    const shape = [to - from, x.width * x.channels];
    copyRows(builder, {
      x: builder.reshape(builder.rows(band.value, from - band.row0, to - from), shape),
      out: builder.reshape(builder.rows(value, from - start, to - from), shape),
    });
  }
  return { row0: start, rows: end - start, value };
}

/** Band `index` of a picture that was cut just as the one that `band` belongs to, being of the same size. */
function bandLike(picture: Picture, index: number, band: Band): Value {
  const found = picture.bands[index];
  if (!found || found.row0 !== band.row0 || found.rows !== band.rows)
    throw new DeviceError('internal', `vae: residual's band ${index} is not rows ${band.row0}+${band.rows}.`);
  return found.value;
}

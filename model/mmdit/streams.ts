import { matmulFuses, type MatmulEpilogue } from '../../runtime/ops/matmul.ts';
import { qkNormRope, type Rotation } from '../../runtime/ops/qk-norm-rope.ts';
import { concatenatedWeight, vectorWeight } from '../../runtime/ops/vector-weight.ts';
import type { ProgramBuilder } from '../../runtime/program/builder.ts';
import type { Value } from '../../runtime/program/plan.ts';
import { linear, linearForm, type Recording } from '../recording.ts';

/** Layers of the text stream and of the image stream that do the same, in this order. */
export type Pair<T> = readonly [txt: T, img: T];

/** A product that both streams could share: rows of the joint sequence, text first. */
export interface PairedProduct {
  readonly rows: number;
  readonly txtLen: number;
  readonly heads?: { readonly dim: number; readonly pairs: Rotation['pairs'] };
  /** Whether results are gated into the residual streams. */
  readonly gated?: boolean;
}

/**
 * Whether layers of both streams go into one dispatch: the image's tiles then fill what the few rows of text would leave
 * idle (spec kernels 2.2). Only on a matrix unit, and where both weights have one form on the device.
 */
export function pairs(recording: Recording, [txt, img]: Pair<readonly string[]>, product: PairedProduct): boolean {
  const { builder, table } = recording;
  const [form, other] = [linearForm(recording, txt[0]), linearForm(recording, img[0])];
  const shapesOf = (names: readonly string[]) => names.map((name) => table.info(`${name}.weight`)?.shape.join());
  const shapes = shapesOf(txt);
  // Rows in codes of i8 have one scale each, which their own products read.
  if (form.isInt8 || other.isInt8 || form.dtype !== other.dtype || shapes.join('|') !== shapesOf(img).join('|'))
    return false;
  const infos = txt.map((name) => table.info(`${name}.weight`)?.shape ?? [0, 0]);
  const { rows, txtLen, heads, gated } = product;
  return matmulFuses(builder, {
    m: rows,
    n: infos.reduce((sum, [outs]) => sum + outs, 0),
    k: infos[0][1],
    x: 'f32',
    dtype: form.dtype,
    at: txtLen,
    ...(heads ? { heads } : {}),
    ...(gated ? { gated } : {}),
  });
}

/** A linear layer of each stream in one dispatch; `epilogue.second` says where the image's rows begin and go. */
export function linearPair(
  recording: Recording,
  [txt, img]: Pair<readonly string[]>,
  x: Value,
  epilogue: MatmulEpilogue & { readonly second: NonNullable<MatmulEpilogue['second']> },
): Value {
  return linear(recording, [...txt, ...img], x, epilogue);
}

/** Rows [start, start + count) of a table of angles. */
export function rotationRows(
  builder: ProgramBuilder,
  { cos, sin, pairs: kind }: Rotation,
  start: number,
  count: number,
): Rotation {
  return { cos: builder.rows(cos, start, count), sin: builder.rows(sin, start, count), pairs: kind };
}

/** The projections of both streams to heads. */
export interface HeadProjections {
  /** Linear layers to queries, keys and values, as many columns each. */
  readonly layers: Pair<readonly [q: string, k: string, v: string]>;
  /** RMSNorms of the heads of queries and of keys, names without `.weight`. */
  readonly norms: Pair<readonly [q: string, k: string]>;
  /** Makes a stream's input f32 [rows, in], in `out` where given. */
  readonly input: (stream: 'txt' | 'img', out?: Value) => Value;
  readonly inputs: number;
  readonly txtLen: number;
  /** f32 [S_t + S_i, 3 * width]: q, k and v side by side, text rows first. */
  readonly out: Value;
  readonly headDim: number;
  readonly eps: number;
  /** Angles of the joint sequence. */
  readonly rotation: Rotation;
}

/**
 * Records q, k and v of both streams: projected, q and k normed by head and turned. In one dispatch where the device's matrix
 * unit can; in one for each stream where it can do that; else each product first, then its q and k in place.
 */
export function recordHeads(recording: Recording, projections: HeadProjections): void {
  const { builder } = recording;
  const { layers, norms, input, inputs, txtLen, out, headDim, eps, rotation } = projections;
  const [rows] = out.shape;
  const heads = { dim: headDim, pairs: rotation.pairs };
  const names = norms.map((pair) => pair.map((name) => `${name}.weight`));
  if (pairs(recording, layers, { rows, txtLen, heads })) {
    const x = builder.temp('f32', [rows, inputs], 'normed');
    input('txt', builder.rows(x, 0, txtLen));
    input('img', builder.rows(x, txtLen, rows - txtLen));
    const weights = concatenatedWeight(builder, names.flat(), Array<number>(4).fill(headDim));
    const epilogue = { out, heads: { dim: headDim, eps, norms: weights, rope: rotation }, second: { at: txtLen } };
    linearPair(recording, layers, x, epilogue);
    return;
  }
  (['txt', 'img'] as const).forEach((stream, i) => {
    const [start, count] = stream === 'txt' ? [0, txtLen] : [txtLen, rows - txtLen];
    recordStream(recording, {
      layers: layers[i],
      norms: names[i],
      x: input(stream),
      out: builder.rows(out, start, count),
      headDim,
      eps,
      rotation: rotationRows(builder, rotation, start, count),
    });
  });
}

function recordStream(
  recording: Recording,
  projection: {
    readonly layers: readonly string[];
    readonly norms: readonly string[];
    readonly x: Value;
    readonly out: Value;
    readonly headDim: number;
    readonly eps: number;
    readonly rotation: Rotation;
  },
): void {
  const { builder } = recording;
  const { layers, norms, x, out, headDim, eps, rotation } = projection;
  const [m, n] = out.shape;
  const { dtype, isInt8 } = linearForm(recording, layers[0]);
  const product = { m, n, k: x.shape[1], x: isInt8 ? 'i8' : 'f32', dtype } as const;
  if (matmulFuses(builder, { ...product, heads: { dim: headDim, pairs: rotation.pairs } })) {
    const weights = concatenatedWeight(builder, norms, [headDim, headDim]);
    linear(recording, layers, x, { out, heads: { dim: headDim, eps, norms: weights, rope: rotation } });
    return;
  }
  linear(recording, layers, x, { out });
  const width = n / 3;
  norms.forEach((name, i) =>
    qkNormRope(builder, {
      x: builder.columns(out, i * width, width),
      heads: width / headDim,
      norm: { weight: vectorWeight(builder, name, [headDim]), eps },
      rope: rotation,
    }),
  );
}

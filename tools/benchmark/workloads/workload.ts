import { seededRandom, seedOf } from '../../../kernels/case-random.ts';
import type { ProgramBuilder } from '../../../runtime/program/builder.ts';
import type { Value } from '../../../runtime/program/plan.ts';
import type { WeightPrecision } from '../../../model/weight-precision.ts';

/** A tensor of a workload as peers get it: row-major. f16 values are codes. */
export interface WorkloadTensor {
  readonly dtype: 'f32' | 'f16';
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array;
}

export type WorkloadTensors = Readonly<Record<string, WorkloadTensor>>;

/** What a peer must compute, in a form that goes through JSON; tensors are named as in the comments. */
export type PeerTask =
  /** out [m, n] = x [m, k] w [k, n]. */
  | {
      readonly kind: 'matmul';
      readonly m: number;
      readonly n: number;
      readonly k: number;
      readonly dtype: 'f32' | 'f16';
    }
  /** out [s, heads d] = softmax(q k^T / sqrt(d)) v for each head; q, k, v [s, heads d]. */
  | {
      readonly kind: 'attention';
      readonly s: number;
      readonly heads: number;
      readonly d: number;
      readonly dtype: 'f32' | 'f16';
    }
  /** out [h, w, cout] = 3x3 convolution of x [h, w, cin], padded with zeros, + b [cout]; w [cout, cin, 3, 3]. */
  | { readonly kind: 'conv'; readonly h: number; readonly w: number; readonly cin: number; readonly cout: number }
  /** out = LayerNorm(x) (1 + scale) + shift, eps 1e-6; x [rows, cols]. */
  | { readonly kind: 'layer_norm_modulate'; readonly rows: number; readonly cols: number }
  /** out = rotate(RMSNorm of each head (x)) on adjacent pairs, eps 1e-6; weight [d], cos and sin [rows, d / 2]. */
  | { readonly kind: 'rms_rope'; readonly rows: number; readonly heads: number; readonly d: number }
  /** out [txt + img, width]: both streams after one MMDiT block, text rows first. Tensors: see block.ts. */
  | { readonly kind: 'block'; readonly heads: number; readonly d: number; readonly txt: number; readonly img: number };

/** Part of a result: all of it, or a sample where the whole would take minutes in f64. */
export interface Reference {
  readonly length: number;
  readonly indices: Uint32Array;
  readonly values: Float64Array;
}

/** One thing to compute, for us and for peers, with its f64 reference. */
export interface Workload {
  /** C1 ... C5, G1 ... G3. */
  readonly id: string;
  readonly name: string;
  readonly task: PeerTask;
  readonly flops: number;
  /** Bytes that must at least move. */
  readonly bytes: number;
  /** Largest error, relative to the largest value, that counts as right. */
  readonly bound: number;
  readonly inputs: () => WorkloadTensors;
  readonly reference: (inputs: WorkloadTensors) => Reference;
  /** Records our implementation in segment `run`; returns the f32 state that holds the result. */
  readonly record: (builder: ProgramBuilder, options: { readonly precision: WeightPrecision }) => Value;
  /** What our states hold; absent: the inputs of the same names. */
  readonly states?: (inputs: WorkloadTensors) => Readonly<Record<string, ArrayBufferView>>;
  /** Inputs that are weights for us: by the checkpoint's names, as our layers want them. */
  readonly weights?: (inputs: WorkloadTensors) => WorkloadTensors;
}

/** Seeded f32 values in [-scale, scale). */
export function randomTensor(seed: string, shape: readonly number[], scale = 1, around = 0): WorkloadTensor {
  const random = seededRandom(seedOf(seed));
  const count = shape.reduce((product, size) => product * size, 1);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = around + random.uniform(-scale, scale);
  return { dtype: 'f32', shape, data };
}

/** The whole of a result as its reference. */
export function wholeReference(values: Float64Array): Reference {
  return { length: values.length, indices: Uint32Array.from(values.keys()), values };
}

/** `count` indices below `length`, seeded, ascending. */
export function sampleIndices(length: number, count: number): Uint32Array {
  const random = seededRandom(count);
  return Uint32Array.from({ length: count }, () => random.integer(length)).sort();
}

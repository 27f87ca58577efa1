import type { DType } from './dtype.ts';
import type { DeviceFacts } from './facts.ts';
import type { KernelPlan } from './plan.ts';

/** Seeded source of test data: the same stream on every machine. */
export interface CaseRandom {
  /** Uniform f64 in [low, high). */
  uniform(low: number, high: number): number;
  /** `count` uniform values in [-2, 2), already rounded to f32. */
  floats(count: number): Float32Array;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
}

/** A value passes if |a - e| <= atol + rtol |e| for each element, and NMSE = sum (a-e)^2 / sum e^2 <= nmse. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  readonly nmse: number;
}

/** What a binding must hold after the kernel ran: `values` in f64, one per element of `dtype`. */
export interface ExpectedOutput {
  readonly dtype: DType;
  readonly values: Float64Array;
  /** In place of the case's: for an output of codes beside one of values. */
  readonly tolerance?: Tolerance;
}

/** One shape of one op, read by the numeric test, the compile gate and the bench alike. */
export interface KernelCase {
  /** Shape and settings, unique within the op: a failure's name is its reproduction. */
  readonly name: string;
  /** Reason why the case cannot run on such a device, or undefined. */
  readonly skip?: (facts: DeviceFacts) => string | undefined;
  /** Variants that can run the case on such a device, the planner's own choice first. */
  readonly variants: (facts: DeviceFacts) => readonly string[];
  readonly plan: (facts: DeviceFacts, variant: string) => KernelPlan;
  /** Bytes of every binding that is read (also of `read_write` ones that the kernel reads), by binding name. */
  readonly inputs: (
    random: CaseRandom,
    facts: DeviceFacts,
    variant: string,
  ) => Readonly<Record<string, ArrayBufferView>>;
  /** f64 reference, computed from the formula, never from the shader. `inputs` are made with the same seed. */
  readonly expected: (
    inputs: Readonly<Record<string, ArrayBufferView>>,
    variant: string,
  ) => Readonly<Record<string, ExpectedOutput>>;
  readonly tolerance: Tolerance;
  /** Too large for the test suite on a software driver; only the bench runs it. */
  readonly benchOnly?: boolean;
}

/** What `kernels/<op>/<op>.cases.ts` exports as `cases`. */
export interface OpCases {
  readonly op: string;
  readonly cases: readonly KernelCase[];
}

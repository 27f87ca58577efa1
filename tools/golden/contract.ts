/** A tensor of a golden case, or an output to be compared with one. */
export interface GoldenTensor {
  /** As safetensors writes it: `F32`, `F16`, `BF16`, `F64`, `I32`, `I64`, `U8`, `BOOL`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Row-major values. F16 and BF16 come widened to f32. */
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;
}

/** Arithmetic that a run of golden cases is to use for weights and bounded activations. */
export type GoldenPrecision = 'f32' | 'f16';

/** What a handler sees of its case. */
export interface GoldenContext {
  /** An input: a JSON value, a {@link GoldenTensor}, or undefined where the case has none of that name. */
  input(name: string): unknown;
  /** Absolute path of the case's model folder. */
  readonly modelDir: string | undefined;
  readonly precision: GoldenPrecision;
  /** Names of the outputs that the case compares: what nobody asks for need not be computed. */
  readonly expected: ReadonlySet<string>;
}

/** Computes a case's outputs by name, each a {@link GoldenTensor} or a JSON value. Outputs nobody asks for are ignored. */
export type GoldenHandler = (context: GoldenContext) => Promise<ReadonlyMap<string, unknown>>;

/** Whether a value is a tensor of this contract. */
export function isGoldenTensor(value: unknown): value is GoldenTensor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'shape' in value &&
    'data' in value &&
    Array.isArray(value.shape) &&
    ArrayBuffer.isView(value.data)
  );
}

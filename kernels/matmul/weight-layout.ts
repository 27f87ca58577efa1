import { DTypeError, ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { quantiseGroups } from './matmul-i4.ts';
import { I4_GROUP, type WeightOrder } from './matmul-spec.ts';

/**
 * How a weight of matmul is kept on the device. `i8` is symmetric per output channel; `i4` has a scale for each 64 inputs of
 * an output channel.
 */
export type MatmulWeightDType = 'f32' | 'f16' | 'bf16' | 'i8' | 'i4';

/** The device's form of a weight of n output channels and k inputs. */
export interface MatmulWeightFormat {
  readonly dtype: MatmulWeightDType;
  readonly order: WeightOrder;
  /** Elements from one row (output channel in order `nk`, input in `kn`) to the next: a multiple of 4. */
  readonly stride: number;
  /** [rows, stride]; padding elements are zeros. */
  readonly shape: readonly [rows: number, stride: number];
}

/** A weight in its device form. */
export interface PackedMatmulWeight {
  /** Little-endian, rows of `format.stride` elements; the caller's own memory where nothing had to move. */
  readonly data: Uint8Array;
  /** Of `i8`: value = code * scales[channel]. Of `i4`: f16 codes, value = (code - 8) * scales[channel, group]. */
  readonly scales?: Float32Array | Uint16Array;
}

/**
 * Device form that planMatmul prefers for a weight [n, k].
 *
 * Order `nk`, torch's own, everywhere: GPUs stage it through workgroup memory, and on software drivers a value that differs
 * by lane costs a gather wherever it lies (lavapipe at 512^3: nk 26.9, kn 24.8 GFLOP/s per CPU second), so weights of the
 * checkpoint are uploaded as they are. `facts` is there for devices that will want another order.
 */
export function matmulWeightLayout(
  _facts: DeviceFacts,
  n: number,
  k: number,
  dtype: MatmulWeightDType,
): MatmulWeightFormat {
  const whole = dtype === 'i4' ? I4_GROUP : 4;
  const stride = Math.ceil(k / whole) * whole;
  return { dtype, order: 'nk', stride, shape: [n, stride] };
}

/**
 * Brings a weight [n, k] (torch's order) into a device format.
 *
 * @param values f32 values for the formats f32, i8 and i4; f16 or bf16 codes, kept bit for bit, for the 16-bit formats
 * @throws ShapeError if there are not n * k values
 * @throws DTypeError if the values are of the wrong kind, or not finite where they are to be quantised
 */
export function packMatmulWeight(
  values: Float32Array | Uint16Array,
  n: number,
  k: number,
  format: MatmulWeightFormat,
): PackedMatmulWeight {
  if (values.length !== n * k)
    throw new ShapeError(`matmul: a weight [${n}, ${k}] has ${n * k} values, got ${values.length}.`);
  const wantsCodes = format.dtype === 'f16' || format.dtype === 'bf16';
  if (wantsCodes !== values instanceof Uint16Array)
    throw new DTypeError(
      `matmul: a weight in ${format.dtype} is packed from ${wantsCodes ? '16-bit codes' : 'f32 values'}, got ${values.constructor.name}.`,
    );
  if (format.dtype === 'i4') return quantiseGroups(values, n, k, format.stride);
  if (format.dtype === 'i8') return quantise(values, n, k, format);
  const isInPlace = format.order === 'nk' && format.stride === k;
  const placed = isInPlace ? values : place(values, n, k, format);
  return { data: new Uint8Array(placed.buffer, placed.byteOffset, placed.byteLength) };
}

/**
 * Symmetric int8 of each output channel: scale = max |w| / 127, code = w / scale rounded to nearest, ties to even.
 *
 * The scale is rounded to f32 first and the codes are made with that, so that dequantising repeats the same product.
 */
export function quantiseChannel(channel: ArrayLike<number>, codes: { [index: number]: number }): number {
  let most = 0;
  for (let i = 0; i < channel.length; i++) most = Math.max(most, Math.abs(channel[i]));
  if (!Number.isFinite(most)) throw new DTypeError('matmul: an int8 weight must be finite, got NaN or an infinity.');
  const scale = Math.fround(most / 127);
  for (let i = 0; i < channel.length; i++)
    codes[i] = scale === 0 ? 0 : Math.max(-127, Math.min(127, roundToEven(channel[i] / scale)));
  return scale;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function quantise(
  values: Float32Array | Uint16Array,
  n: number,
  k: number,
  format: MatmulWeightFormat,
): PackedMatmulWeight {
  const codes = new Int8Array(n * k);
  const scales = new Float32Array(n);
  for (let channel = 0; channel < n; channel++) {
    const range: [number, number] = [channel * k, (channel + 1) * k];
    scales[channel] = quantiseChannel(values.subarray(...range), codes.subarray(...range));
  }
  const isInPlace = format.order === 'nk' && format.stride === k;
  const placed = isInPlace ? codes : place(codes, n, k, format);
  return { data: new Uint8Array(placed.buffer, placed.byteOffset, placed.byteLength), scales };
}

/** Copies rows to their stride, transposed for order `kn`. */
function place<T extends Float32Array | Uint16Array | Int8Array>(
  values: T,
  n: number,
  k: number,
  { order, stride }: MatmulWeightFormat,
): T {
  const Elements = values.constructor as new (length: number) => T;
  const placed = new Elements((order === 'nk' ? n : k) * stride);
  if (order === 'nk') for (let c = 0; c < n; c++) placed.set(values.subarray(c * k, (c + 1) * k), c * stride);
  else for (let c = 0; c < n; c++) for (let i = 0; i < k; i++) placed[i * stride + c] = values[c * k + i];
  return placed;
}

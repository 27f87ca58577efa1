import { byteLengthOf, numElements, type DType } from '../../kernels/dtype.ts';
import type { DeviceFacts } from '../../kernels/facts.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import { DeviceError, ShapeError } from '../errors.ts';
import type { Dispatch, ProgramPlan, Segment, Storage, Value, WeightRequest } from './plan.ts';

/** Where a value's bytes come from when it is created with data: a rotation table, an index list. */
export type ConstantData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/**
 * Records kernels with their operands into a ProgramPlan. Pure: no device is touched, so programs are also planned
 * (tokens, FLOPs, bytes) where there is neither a device nor weights.
 *
 * Values: `temp` lives within one segment and shares memory with others; `state` lasts as long as the program, can be
 * written and read from the host and bound to a tensor of the app's; `constant` is uploaded once; `weights` come from
 * the checkpoint. Segments are the units that a program replays: `run(['img_in', 'block.0', ...])`.
 */
export class ProgramBuilder {
  readonly facts: DeviceFacts;
  readonly label: string;
  readonly #storages: Storage[] = [];
  readonly #dispatches: Dispatch[] = [];
  readonly #segments: Segment[] = [];
  readonly #weightsByKey = new Map<string, Readonly<Record<string, Value>>>();
  readonly #states = new Map<string, Value>();
  #open: string | undefined;

  constructor(facts: DeviceFacts, label: string) {
    this.facts = facts;
    this.label = label;
  }

  /** A value that some kernel writes and later ones of the same segment read. Its memory is shared by liveness. */
  temp(dtype: DType, shape: readonly number[], label = 'temp'): Value {
    return this.#value({ kind: 'temp', label }, dtype, shape);
  }

  /** A named value that lasts as long as the program. It starts as zeros unless bound to a tensor at compile time. */
  state(name: string, dtype: DType, shape: readonly number[]): Value {
    const known = this.#states.get(name);
    if (known) {
      if (known.dtype !== dtype || known.shape.join() !== shape.join())
        throw new ShapeError(
          `program "${this.label}": state "${name}" is ${known.dtype} [${known.shape.join(', ')}], asked for as ${dtype} [${shape.join(', ')}].`,
        );
      return known;
    }
    const value = this.#value({ kind: 'state', label: name }, dtype, shape);
    this.#states.set(name, value);
    return value;
  }

  /** A value uploaded once, when the program is compiled. */
  constant(data: ConstantData, dtype: DType, shape: readonly number[], label: string): Value {
    if (data.byteLength !== byteLengthOf(dtype, shape))
      throw new ShapeError(
        `program "${this.label}": constant "${label}" has ${data.byteLength} bytes, ${dtype} [${shape.join(', ')}] needs ${byteLengthOf(dtype, shape)}.`,
      );
    return this.#value({ kind: 'constant', label, data }, dtype, shape);
  }

  /** Weights of the checkpoint in a device format; the same key gives the same values. */
  weights(request: WeightRequest): Readonly<Record<string, Value>> {
    const known = this.#weightsByKey.get(request.key);
    if (known) return known;
    const values: Record<string, Value> = {};
    for (const [part, { dtype, shape }] of Object.entries(request.parts))
      values[part] = this.#value({ kind: 'weight', label: `${request.key}:${part}`, request, part }, dtype, shape);
    this.#weightsByKey.set(request.key, values);
    return values;
  }

  /**
   * A window of `count` rows (entries of the first axis) of a value. Kernels get its element offset in their Params;
   * ops that take none refuse windows.
   */
  rows(value: Value, start: number, count: number): Value {
    const [size, ...rest] = value.shape;
    if (size === undefined || start < 0 || count < 0 || start + count > size)
      throw new ShapeError(
        `program "${this.label}": rows [${start}, ${start + count}) are outside of [${value.shape.join(', ')}].`,
      );
    return { ...value, shape: [count, ...rest], offset: value.offset + start * (value.stride ?? numElements(rest)) };
  }

  /** A window of `count` columns of a matrix [rows, columns]: its rows keep the matrix's stride. */
  columns(value: Value, start: number, count: number): Value {
    const [rows, size] = value.shape;
    if (value.shape.length !== 2 || start < 0 || count < 1 || start + count > size)
      throw new ShapeError(
        `program "${this.label}": columns [${start}, ${start + count}) are outside of [${value.shape.join(', ')}].`,
      );
    return { ...value, shape: [rows, count], offset: value.offset + start, stride: value.stride ?? size };
  }

  /** The same elements under another shape. @throws ShapeError if the counts differ */
  reshape(value: Value, shape: readonly number[]): Value {
    if (numElements(shape) !== numElements(value.shape))
      throw new ShapeError(
        `program "${this.label}": cannot view [${value.shape.join(', ')}] as [${shape.join(', ')}]: the counts differ.`,
      );
    if (value.stride !== undefined && shape[0] !== value.shape[0])
      throw new ShapeError(`program "${this.label}": a window of columns keeps its rows, got [${shape.join(', ')}].`);
    return { ...value, shape: [...shape] };
  }

  /** Records everything that `record` dispatches as segment `name`. */
  segment(name: string, record: () => void): void {
    if (this.#open !== undefined)
      throw new ShapeError(`program "${this.label}": segment "${name}" inside "${this.#open}".`);
    if (this.#segments.some((segment) => segment.name === name))
      throw new ShapeError(`program "${this.label}": segment "${name}" exists already.`);
    this.#open = name;
    const start = this.#dispatches.length;
    try {
      record();
    } finally {
      this.#open = undefined;
    }
    this.#segments.push({ name, start, end: this.#dispatches.length });
  }

  /**
   * Records one kernel. `operands` follow `plan.bindings`; a window's offset must already be in the plan's Params,
   * because the whole storage is bound.
   *
   * @throws ShapeError if counts or sizes disagree, or if one storage would be bound both for reading and for writing
   * @throws DeviceError `limit` if an operand exceeds what the device can bind
   */
  dispatch(plan: KernelPlan, operands: readonly Value[]): void {
    const where = `program "${this.label}": ${plan.op}[${plan.variant}]`;
    if (this.#open === undefined) throw new ShapeError(`${where}: dispatched outside of a segment.`);
    if (operands.length !== plan.bindings.length)
      throw new ShapeError(`${where}: takes ${plan.bindings.length} operands, got ${operands.length}.`);
    const written = new Set<number>();
    const read = new Set<number>();
    plan.bindings.forEach((binding, index) => {
      const storage = this.#storages[operands[index].storage];
      if (storage.byteLength < binding.byteLength)
        throw new ShapeError(
          `${where}: "${binding.name}" needs ${binding.byteLength} bytes, "${storage.label}" has ${storage.byteLength}.`,
        );
      const max = this.facts.limits.maxStorageBufferBindingSize;
      if (storage.byteLength > max)
        throw new DeviceError(
          'limit',
          `${where}: "${storage.label}" takes ${storage.byteLength} bytes, the device binds at most ${max}. Use fewer tokens, a smaller picture or tiled decoding.`,
        );
      const set = binding.access === 'read' ? read : written;
      if (binding.access === 'read_write' && written.has(storage.id))
        throw new ShapeError(`${where}: "${storage.label}" is bound for writing twice.`);
      set.add(storage.id);
    });
    for (const id of written)
      if (read.has(id))
        throw new ShapeError(`${where}: "${this.#storages[id].label}" is bound both for reading and for writing.`);
    this.#dispatches.push({ plan, operands: operands.map((operand) => operand.storage), segment: this.#open });
  }

  /** The finished recording. */
  finish(): ProgramPlan {
    return {
      label: this.label,
      facts: this.facts,
      storages: this.#storages,
      dispatches: this.#dispatches,
      segments: this.#segments,
      states: this.#states,
    };
  }

  #value(
    storage:
      | { kind: 'temp' | 'state'; label: string }
      | { kind: 'constant'; label: string; data: ConstantData }
      | { kind: 'weight'; label: string; request: WeightRequest; part: string },
    dtype: DType,
    shape: readonly number[],
  ): Value {
    const id = this.#storages.length;
    this.#storages.push({ ...storage, id, byteLength: Math.max(4, byteLengthOf(dtype, shape)) });
    return { storage: id, dtype, shape: [...shape], offset: 0 };
  }
}

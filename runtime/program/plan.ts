import type { DType } from '../../kernels/dtype.ts';
import type { DeviceFacts } from '../../kernels/facts.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import type { RowView } from '../../kernels/row-view.ts';
import type { TensorBytes } from '../weights/tensor-bytes.ts';

/** A symbolic tensor of a program: which storage, what dtype and shape, from which element on. */
export interface Value {
  /** Id of the storage in the plan. */
  readonly storage: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** First element within the storage; 0 except for windows made by `rows` and `columns`. */
  readonly offset: number;
  /** Elements from one row (entry of the first axis) to the next, where rows do not follow each other directly. */
  readonly stride?: number;
}

/** Where a value's rows lie in its storage, in the form that planners take: `kernels/row-view.ts`. */
export function viewOf(value: Value): RowView {
  return value.stride === undefined ? { offset: value.offset } : { offset: value.offset, stride: value.stride };
}

/** True if the value is its whole storage from the first element on: what ops without views need. */
export function isWhole(value: Value): boolean {
  return value.offset === 0 && value.stride === undefined;
}

/** How checkpoint tensors become device bytes. */
export interface WeightRequest {
  /** Identifies tensors + format: two requests of one key are the same weight. */
  readonly key: string;
  /** Names of the checkpoint's tensors, in the order that `pack` gets them. */
  readonly tensors: readonly string[];
  /** What lies on the device afterwards, by part (e.g. `weight`, `scales`). */
  readonly parts: Readonly<Record<string, { readonly dtype: DType; readonly shape: readonly number[] }>>;
  /** Converts; the bytes of each part must be exactly as long as its dtype and shape say (whole words). */
  readonly pack: (tensors: readonly TensorBytes[]) => Readonly<Record<string, ArrayBufferView>>;
}

/** A piece of device memory that values live in. */
export type Storage = { readonly id: number; readonly label: string; readonly byteLength: number } & (
  | { readonly kind: 'temp' | 'state' }
  | { readonly kind: 'constant'; readonly data: ArrayBufferView }
  | { readonly kind: 'weight'; readonly request: WeightRequest; readonly part: string }
);

/** One recorded kernel: operands are storage ids in binding order. */
export interface Dispatch {
  readonly plan: KernelPlan;
  readonly operands: readonly number[];
  readonly segment: string;
}

/** A replayable run of dispatches [start, end). */
export interface Segment {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A recorded program: plain data. */
export interface ProgramPlan {
  readonly label: string;
  readonly facts: DeviceFacts;
  readonly storages: readonly Storage[];
  readonly dispatches: readonly Dispatch[];
  readonly segments: readonly Segment[];
  readonly states: ReadonlyMap<string, Value>;
}

/** Floating-point operations of a program, or of some of its segments. */
export function flopsOf(plan: ProgramPlan, segments?: readonly string[]): number {
  const wanted = segments && new Set(segments);
  let flops = 0;
  for (const dispatch of plan.dispatches) if (!wanted || wanted.has(dispatch.segment)) flops += dispatch.plan.flops;
  return flops;
}

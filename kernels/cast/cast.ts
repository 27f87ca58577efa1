import { DTypeError, ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits } from '../unit-grid.ts';
import { wgsl as bitsBf16 } from '../wgsl-lib/bits-bf16.wgsl.ts';
import { wgsl as bitsF16 } from '../wgsl-lib/bits-f16.wgsl.ts';
import { wgsl as float16Bits } from '../wgsl-lib/float16-bits.wgsl.ts';
import { wgsl as narrow } from './narrow.wgsl.ts';
import { wgsl as widen } from './widen.wgsl.ts';

const OP = 'cast';

/** Dtypes that casts know. 16-bit ones are packed two to a word. */
export type CastDType = 'f32' | 'f16' | 'bf16';

/** Converts `count` elements between f32 and a packed 16-bit format. */
export interface CastOptions {
  readonly from: CastDType;
  readonly to: CastDType;
  readonly count: number;
  /** First element of x and of y; even for a 16-bit side, so that it starts a word. */
  readonly xOffset?: number;
  readonly yOffset?: number;
}

/** Names of the variants: one, bit-exact on every device. */
export function castVariants(): readonly string[] {
  return ['words'];
}

/**
 * Plans y = x in another dtype. Widening is exact; narrowing rounds to nearest, ties to even, with overflow to infinity.
 * Bindings: x, y.
 *
 * @throws DTypeError unless exactly one side is f32
 * @throws ShapeError if the count is not a positive whole number or a 16-bit side starts inside a word
 */
export function planCast(facts: DeviceFacts, options: CastOptions): KernelPlan {
  const { from, to, count, xOffset = 0, yOffset = 0 } = options;
  requireSizes(OP, { count });
  if ((from === 'f32') === (to === 'f32')) throw new DTypeError(`${OP}: one side must be f32, got ${from} to ${to}.`);
  const isNarrow = from === 'f32';
  const packedOffset = isNarrow ? yOffset : xOffset;
  for (const offset of [xOffset, yOffset])
    if (!Number.isInteger(offset) || offset < 0)
      throw new ShapeError(`${OP}: offsets must be whole and at least 0, got ${offset}.`);
  if (packedOffset % 2 !== 0)
    throw new ShapeError(`${OP}: a 16-bit side must start at an even element, got ${packedOffset}.`);
  const units = Math.ceil(count / 2);
  const grid = layUnits(OP, facts, units, 'scalar');
  const floatBytes = ((isNarrow ? xOffset : yOffset) + count) * 4;
  const packedBytes = (packedOffset / 2 + units) * 4;
  return {
    op: OP,
    variant: `${from} to ${to}`,
    sources: [
      ...grid.sources,
      float16Bits,
      (isNarrow ? to : from) === 'f16' ? bitsF16 : bitsBf16,
      isNarrow ? narrow : widen,
    ],
    constants: grid.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: isNarrow ? floatBytes : packedBytes },
      { name: 'y', access: 'read_write', byteLength: isNarrow ? packedBytes : floatBytes },
    ],
    uniform: packUniform([
      { u32: count },
      { u32: isNarrow ? xOffset : xOffset / 2 },
      { u32: isNarrow ? yOffset / 2 : yOffset },
    ]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: count * 4 + units * 4,
  };
}

import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { spreadGrid } from '../grid.ts';
import type { KernelPlan } from '../plan.ts';
import { isVec4, requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { requireGroup } from './quantize-rows-rotation.ts';
import { wgsl as lane } from './lane.wgsl.ts';
import { wgsl as params } from './quantize-rows.wgsl.ts';
import { wgsl as rotateQuad } from './rotate-quad.wgsl.ts';
import { wgsl as shared } from './shared.wgsl.ts';
import { wgsl as xScalar } from './x-scalar.wgsl.ts';
import { wgsl as xVec4 } from './x-vec4.wgsl.ts';

const OP = 'quantize_rows';

/** Rows of x [rows, columns] f32 as i8 codes with a scale each: the left operand of matmul's i8 products (W8A8). */
export interface QuantizeRowsOptions {
  readonly rows: number;
  readonly columns: number;
  /** Elements that are rotated together before (quantize-rows-rotation.ts): a power of two up to 256 that divides `columns`; 1 = none. */
  readonly group: number;
  readonly x?: RowView;
  /** Offset and stride are multiples of 4; dense rows of `codeStride(columns)` where absent. */
  readonly y?: RowView;
}

/** `lane`: an invocation a row, for software drivers. `shared`: several, through workgroup memory, for any GPU. */
export type QuantizeRowsVariant = 'lane' | 'shared';

/** Elements from one dense row of codes to the next: whole words. */
export function codeStride(columns: number): number {
  return Math.ceil(columns / 4) * 4;
}

/** Names of the variants that run on a device, the planner's choice first. */
export function quantizeRowsVariants(facts: DeviceFacts): readonly QuantizeRowsVariant[] {
  return facts.kind === 'software' ? ['lane', 'shared'] : ['shared', 'lane'];
}

/**
 * Plans scales[r] = max |x[r] H| / 127 and y[r] = round(x[r] H / scales[r]), ties to even, H the rotation in groups.
 *
 * Values must be finite, also after the rotation (at most 16 times as large); a row whose largest is below 2^-100 becomes zeros
 * with scale 0. What is left of a row's last word is written as zeros.
 * Bindings: x, y i8 [rows, columns], scales f32 [rows].
 *
 * @throws ShapeError if a size is not a positive whole number, the group does not divide the columns, rows overlap, or rows
 *   of y do not start at whole words
 */
export function planQuantizeRows(
  facts: DeviceFacts,
  options: QuantizeRowsOptions,
  variant: QuantizeRowsVariant = quantizeRowsVariants(facts)[0],
): KernelPlan {
  const { rows, columns, group } = options;
  requireSizes(OP, { rows, columns });
  requireGroup(OP, group, columns);
  const x = resolveView(OP, 'x', options.x, rows, columns);
  const y = resolveView(OP, 'y', { stride: codeStride(columns), ...options.y }, rows, columns);
  if (!isVec4(y.offset, y.stride))
    throw new ShapeError(
      `${OP}: rows of codes must start at multiples of 4 elements, got offset ${y.offset}, stride ${y.stride}.`,
    );
  const quads = Math.ceil(columns / 4);
  const vec4 = isVec4(columns, x.offset, x.stride);
  const layout = variant === 'lane' ? layLanes(facts) : layShared(quads);
  return {
    op: OP,
    variant: `${variant},${vec4 ? 'vec4' : 'scalar'},group ${group}`,
    sources: [
      `const GROUP: u32 = ${group}u;\n${layout.prelude}`,
      params,
      vec4 ? xVec4 : xScalar,
      rotateQuad,
      variant === 'lane' ? lane : shared,
    ],
    constants: layout.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'y', access: 'read_write', byteLength: codeStride(y.end) },
      { name: 'scales', access: 'read_write', byteLength: rows * 4 },
    ],
    uniform: packUniform([rows, columns, quads, x.offset, x.stride, y.offset, y.stride].map((u32) => ({ u32 }))),
    workgroups: spreadGrid(Math.ceil(rows / layout.rows), facts.limits),
    // A factor of 4 is 8 operations on 4 elements; then magnitude, product and rounding.
    flops: rows * columns * (Math.log2(group) + 3),
    bytes: rows * columns * 5 + rows * 4,
  };
}

interface Layout {
  readonly prelude: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Rows of a workgroup. */
  readonly rows: number;
}

function layLanes(facts: DeviceFacts): Layout {
  const rows = facts.kind === 'software' ? 8 : 64;
  return { prelude: '', constants: { WG: rows }, rows };
}

/** Sixteen invocations take a block of 64 vec4s; a row gets more of them while each still has three blocks. */
function layShared(quads: number): Layout {
  const blocks = Math.ceil(quads / 64);
  let lanes = 16;
  while (lanes < 256 && lanes / 4 <= blocks) lanes *= 2;
  const chunks = Math.ceil(blocks / (lanes / 16));
  const rows = 256 / lanes;
  return { prelude: `const CHUNKS: u32 = ${chunks}u;\n`, constants: { ROWS: rows, LANES: lanes }, rows };
}

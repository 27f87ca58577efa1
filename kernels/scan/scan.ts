import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits } from '../unit-grid.ts';
import { wgsl as finish } from './scan-finish.wgsl.ts';
import { wgsl as partialsBody } from './scan-partials.wgsl.ts';

const OP = 'scan';

/** Largest finite magnitude and number of NaN and infinite elements of x [rows, columns] f32. */
export interface ScanOptions {
  readonly rows: number;
  readonly columns: number;
  readonly x?: RowView;
}

/** Partial results (pairs of u32) that the first stage leaves for the second. */
export function scanPartialCount(rows: number, columns: number): number {
  return Math.min(4096, Math.ceil((rows * columns) / 256));
}

/** Names of the variants of either stage: one. */
export function scanVariants(): readonly string[] {
  return ['words'];
}

/**
 * Plans the first stage. Bindings: x f32, partial u32 [scanPartialCount, 2].
 *
 * @throws ShapeError if a size is not a positive whole number or rows overlap
 */
export function planScanPartials(facts: DeviceFacts, options: ScanOptions): KernelPlan {
  const { rows, columns } = options;
  requireSizes(OP, { rows, columns });
  const x = resolveView(OP, 'x', options.x, rows, columns);
  const partials = scanPartialCount(rows, columns);
  if (rows * columns > 0xffffffff - partials)
    throw new ShapeError(`${OP}: [${rows}, ${columns}] has more elements than 32-bit addresses. Split the rows.`);
  const grid = layUnits(OP, facts, partials, 'scalar');
  return {
    op: OP,
    variant: 'partials',
    sources: [...grid.sources, partialsBody],
    constants: grid.constants,
    bindings: [
      { name: 'x', access: 'read', byteLength: x.end * 4 },
      { name: 'partial', access: 'read_write', byteLength: partials * 8 },
    ],
    uniform: packUniform([{ u32: rows }, { u32: columns }, { u32: x.offset }, { u32: x.stride }, { u32: partials }]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: rows * columns * 4,
  };
}

/**
 * Plans the second stage: the bits of the largest finite magnitude (an f32) go to result[resultOffset], the count of NaN
 * and infinities to the element after it. Bindings: partial, result; both u32.
 *
 * @throws ShapeError if a size is not a positive whole number
 */
export function planScanFinish(
  facts: DeviceFacts,
  options: { readonly partials: number; readonly resultOffset?: number },
): KernelPlan {
  const { partials, resultOffset = 0 } = options;
  requireSizes(OP, { partials, 'resultOffset + 1': resultOffset + 1 });
  return {
    op: OP,
    variant: 'finish',
    sources: [finish],
    constants: { WG: facts.kind === 'software' ? 8 : 256 },
    bindings: [
      { name: 'partial', access: 'read', byteLength: partials * 8 },
      { name: 'result', access: 'read_write', byteLength: (resultOffset + 2) * 4 },
    ],
    uniform: packUniform([{ u32: partials }, { u32: resultOffset }]),
    workgroups: [1, 1, 1],
    flops: 0,
    bytes: partials * 8,
  };
}

import { ShapeError } from './errors.ts';
import type { DeviceFacts } from './facts.ts';
import { spreadGrid } from './grid.ts';
import { wgsl as unitsMain } from './wgsl-lib/units.wgsl.ts';
import { wgsl as widthScalar } from './wgsl-lib/width-scalar.wgsl.ts';
import { wgsl as widthVec4 } from './wgsl-lib/width-vec4.wgsl.ts';

/** How wide an op reads and writes its buffers: four elements at once, or any shape one by one. */
export type UnitWidth = 'vec4' | 'scalar';

/** What a planner needs to build a plan around a body that works unit by unit, without sharing. */
export interface UnitGrid {
  readonly sources: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Widths that can be used, the one to prefer first. */
export function unitWidths(isAligned: boolean): readonly UnitWidth[] {
  return isAligned ? ['vec4', 'scalar'] : ['scalar'];
}

/**
 * Lays out `units` work units, an invocation each.
 *
 * @throws ShapeError if the units have more than 32-bit numbers or do not fit the device's grid
 */
export function layUnits(op: string, facts: DeviceFacts, units: number, width: UnitWidth): UnitGrid {
  const invocations = facts.kind === 'software' ? 64 : 256;
  if (units > 0xffffffff - invocations)
    throw new ShapeError(`${op}: ${units} work units exceed 32 bits. Split the rows.`);
  return {
    sources: [width === 'vec4' ? widthVec4 : widthScalar, unitsMain],
    constants: { WG: invocations },
    workgroups: spreadGrid(Math.ceil(units / invocations), facts.limits),
  };
}

import { ShapeError } from './errors.ts';
import type { DeviceFacts } from './facts.ts';
import { spreadGrid } from './grid.ts';
import { wgsl as rowsLane } from './wgsl-lib/rows-lane.wgsl.ts';
import { wgsl as rowsSubgroup } from './wgsl-lib/rows-subgroup.wgsl.ts';
import { wgsl as rowsWorkgroup } from './wgsl-lib/rows-workgroup.wgsl.ts';
import { wgsl as widthScalar } from './wgsl-lib/width-scalar.wgsl.ts';
import { wgsl as widthVec4 } from './wgsl-lib/width-vec4.wgsl.ts';

/**
 * How an op that works row by row is spread over invocations; one WGSL body serves all schemes.
 *
 * `workgroup`: several lanes a row, sums through workgroup memory (any GPU). `subgroup`: a subgroup a row, no barriers
 * (needs subgroups of one fixed size). `lane`: an invocation a row.
 */
export type RowSchemeName = 'workgroup' | 'subgroup' | 'lane';

/** What a planner needs to build a plan around a row body. */
export interface RowScheme {
  readonly label: string;
  /** Sources to put before the body, in order. */
  readonly sources: readonly string[];
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Row schemes that can run on a device, the one to prefer first. */
export function rowSchemes(facts: DeviceFacts): RowSchemeName[] {
  const hasSubgroup = facts.subgroups && facts.subgroupMinSize === facts.subgroupMaxSize;
  // Software drivers pay for barriers: a subgroup a row, else an invocation a row, was fastest there (Mesa, SwiftShader).
  if (facts.kind === 'software') return hasSubgroup ? ['subgroup', 'lane', 'workgroup'] : ['lane', 'workgroup'];
  return hasSubgroup ? ['workgroup', 'subgroup', 'lane'] : ['workgroup', 'lane'];
}

/**
 * Lays out `rows` rows of `units` work units (a vec4, a scalar, a pair) each.
 *
 * @param vec4 whether the body's buffers are arrays of vec4f (else f32)
 * @throws ShapeError if the device cannot run the scheme
 */
export function layRows(
  op: string,
  facts: DeviceFacts,
  name: RowSchemeName,
  rows: number,
  units: number,
  vec4: boolean,
): RowScheme {
  const width = vec4 ? widthVec4 : widthScalar;
  const suffix = vec4 ? 'vec4' : 'scalar';
  if (!rowSchemes(facts).includes(name)) throw new ShapeError(`${op}: this device cannot run row scheme "${name}".`);
  let lanes = 1;
  let rowsPerWorkgroup: number;
  let sources: string[];
  if (name === 'workgroup') {
    const invocations = Math.min(256, facts.limits.maxComputeInvocationsPerWorkgroup);
    // About four units a lane: short rows share a workgroup, long rows get all of it.
    while (lanes < invocations && lanes * 4 < units) lanes *= 2;
    rowsPerWorkgroup = invocations / lanes;
    sources = [width, rowsWorkgroup];
  } else if (name === 'subgroup') {
    lanes = facts.subgroupMaxSize;
    rowsPerWorkgroup = 1;
    sources = ['enable subgroups;\n', width, rowsSubgroup];
  } else {
    rowsPerWorkgroup = facts.kind === 'software' ? 8 : 64;
    sources = [width, rowsLane];
  }
  return {
    label: `${name},${suffix}`,
    sources,
    constants: { ROWS: rowsPerWorkgroup, LANES: lanes, WG: rowsPerWorkgroup * lanes },
    workgroups: spreadGrid(Math.ceil(rows / rowsPerWorkgroup), facts.limits),
  };
}

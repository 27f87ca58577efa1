import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { spreadGrid } from '../grid.ts';
import {
  leftType,
  loadMatrix,
  matrixEnables,
  multiplyAdd,
  resultType,
  rightType,
  storeMatrix,
} from '../matrix-spelling.ts';
import { matrixUnit, type MatrixUnit } from '../matrix-unit.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes } from '../row-view.ts';
import { packUniform } from '../uniform.ts';

const OP = 'probe';

/** Independent sums of a subgroup: they hide the latency of one product. */
export const MATRIX_PROBE_SUMS = 8;

/** Size of a matrix probe: a subgroup a workgroup, each takes `rounds` products into each of its sums. */
export interface MatrixProbeOptions {
  readonly workgroups: number;
  readonly rounds: number;
}

/**
 * Plans products of one pair of f16 matrices in registers, added up in f32: the roof of the matrix unit. Bindings: a f16
 * [m, k], b f16 [k, n], out f32 [workgroups, MATRIX_PROBE_SUMS, m, n]. Sum i ends as rounds + i times the product.
 *
 * @throws ShapeError if the device has no f16 matrices with f32 sums, or a size is not a positive whole number
 */
export function planMatrixProbe(facts: DeviceFacts, options: MatrixProbeOptions): KernelPlan {
  const { workgroups, rounds } = options;
  requireSizes(OP, { workgroups, rounds });
  const unit = matrixUnit(facts, 'f16');
  if (!unit) throw new ShapeError(`${OP}: the device has no f16 matrices with f32 sums.`);
  const { m, n, k } = unit;
  return {
    op: OP,
    variant: `matrix-${m}x${n}x${k}`,
    sources: [probeText(unit)],
    constants: {},
    bindings: [
      { name: 'a', access: 'read', byteLength: m * k * 2 },
      { name: 'b', access: 'read', byteLength: k * n * 2 },
      { name: 'out', access: 'read_write', byteLength: workgroups * MATRIX_PROBE_SUMS * m * n * 4 },
    ],
    uniform: packUniform([{ u32: workgroups }, { u32: rounds }]),
    workgroups: spreadGrid(workgroups, facts.limits),
    flops: workgroups * rounds * MATRIX_PROBE_SUMS * 2 * m * n * k,
    bytes: workgroups * MATRIX_PROBE_SUMS * m * n * 4,
  };
}

function probeText({ m, n, k, subgroupSize, setsSize }: MatrixUnit): string {
  const [left, right, result] = [leftType('f16', m, k), rightType('f16', n, k), resultType('f32', m, n)];
  const sums = Array.from({ length: MATRIX_PROBE_SUMS }, (_, i) => i);
  return [
    matrixEnables({ f16: true, subgroupSizeControl: setsSize }),
    'struct Params { count: u32, rounds: u32 }',
    '@group(0) @binding(0) var<storage, read> a: array<f16>;',
    '@group(0) @binding(1) var<storage, read> b: array<f16>;',
    '@group(0) @binding(2) var<storage, read_write> out: array<f32>;',
    '@group(0) @binding(3) var<uniform> p: Params;',
    '',
    `@compute @workgroup_size(${subgroupSize})${setsSize ? ` @subgroup_size(${subgroupSize})` : ''}`,
    'fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u) {',
    '  let index = wid.y * grid.x + wid.x;',
    '  if (index >= p.count) {',
    '    return;',
    '  }',
    `  let left = ${loadMatrix(left, 'row_major', '&a', '0u', `${k}u`)};`,
    `  let right = ${loadMatrix(right, 'row_major', '&b', '0u', `${n}u`)};`,
    ...sums.map((i) => `  var sum_${i} = ${result}();`),
    // Sums differ from each other, or a compiler could keep one for all.
    ...sums.flatMap((i) =>
      Array.from({ length: i }, () => `  sum_${i} = ${multiplyAdd('left', 'right', `sum_${i}`)};`),
    ),
    '  for (var r = 0u; r < p.rounds; r++) {',
    ...sums.map((i) => `    sum_${i} = ${multiplyAdd('left', 'right', `sum_${i}`)};`),
    '  }',
    ...sums.map(
      (i) => `  ${storeMatrix('&out', `(index * ${MATRIX_PROBE_SUMS}u + ${i}u) * ${m * n}u`, `sum_${i}`, `${n}u`)}`,
    ),
    '}',
    '',
  ].join('\n');
}

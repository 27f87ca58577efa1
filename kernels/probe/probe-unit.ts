import { ShapeError } from '../errors.ts';
import type { DeviceFacts, MatrixConfig } from '../facts.ts';
import {
  leftType,
  loadMatrix,
  matrixEnables,
  multiplyAdd,
  resultType,
  rightType,
  storeMatrix,
} from '../matrix-spelling.ts';
import type { KernelPlan } from '../plan.ts';

const BYTES: Readonly<Record<MatrixConfig['component'], number>> = { f32: 4, f16: 2, u32: 4, i32: 4, u8: 1, i8: 1 };

/**
 * Plans one product of a matrix configuration, by one subgroup: does the device compute what it lists?
 *
 * Bindings: a [m, k] and b [k, n] row by row, of the configuration's component (bytes packed in words), out [m, n] = a b of
 * its result type.
 *
 * @throws ShapeError if the device has no subgroups of one known size, or no f16 where the configuration has some
 */
export function planUnitProbe(facts: DeviceFacts, config: MatrixConfig): KernelPlan {
  const { component, result, m, n, k } = config;
  const { subgroupMinSize: min, subgroupMaxSize: max, subgroupSizeControl } = facts;
  const variant = `${component}->${result} ${m}x${n}x${k}`;
  const usesF16 = component === 'f16' || result === 'f16';
  if (!facts.subgroups || (!subgroupSizeControl && min !== max) || (usesF16 && !facts.f16))
    throw new ShapeError(`probe: ${variant} needs subgroups of one known size, and f16 where it has some.`);
  const lanes = Math.min(max, Math.max(min, 32));
  // Bytes have no type of their own: matrices of them are loaded from words, and strides count those.
  const perWord = BYTES[component] === 1 ? 4 : 1;
  const element = perWord === 4 ? 'u32' : component;
  const load = (type: string, name: string, columns: number): string =>
    loadMatrix(type, 'row_major', `&${name}`, '0u', `${columns / perWord}u`);
  return {
    op: 'probe',
    variant,
    sources: [
      [
        matrixEnables({ f16: usesF16, subgroupSizeControl }),
        `@group(0) @binding(0) var<storage, read> a: array<${element}>;`,
        `@group(0) @binding(1) var<storage, read> b: array<${element}>;`,
        `@group(0) @binding(2) var<storage, read_write> out: array<${result}>;`,
        '',
        `@compute @workgroup_size(${lanes})${subgroupSizeControl ? ` @subgroup_size(${lanes})` : ''}`,
        'fn main() {',
        `  let left = ${load(leftType(component, m, k), 'a', k)};`,
        `  let right = ${load(rightType(component, n, k), 'b', n)};`,
        `  let sum = ${multiplyAdd('left', 'right', `${resultType(result, m, n)}()`)};`,
        `  ${storeMatrix('&out', '0u', 'sum', `${n}u`)}`,
        '}',
        '',
      ].join('\n'),
    ],
    constants: {},
    bindings: [
      { name: 'a', access: 'read', byteLength: m * k * BYTES[component] },
      { name: 'b', access: 'read', byteLength: k * n * BYTES[component] },
      { name: 'out', access: 'read_write', byteLength: m * n * BYTES[result] },
    ],
    uniform: new Uint8Array(0),
    workgroups: [1, 1, 1],
    flops: 2 * m * n * k,
    bytes: (m * k + k * n) * BYTES[component] + m * n * BYTES[result],
  };
}

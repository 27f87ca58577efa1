import type { MatrixConfig } from './facts.ts';

/*
 * Every word of WGSL that is experimental stands in this file: the `enable` names, the matrix types and the built-in
 * functions, as the `webgpu` package 0.6.2 spells them. Offsets and strides count elements of the pointed-to array, so an
 * `array<vec4<u32>>` is addressed by 16 bytes whatever the matrix holds.
 */

/** Component of a matrix operand. */
export type MatrixComponent = MatrixConfig['component'];

/** How a matrix lies in memory: rows one after the other, or columns. */
export type MatrixOrder = 'row_major' | 'col_major';

/** `enable` lines of a module with matrices; they must come before everything else. */
export function matrixEnables(options: { readonly f16: boolean; readonly subgroupSizeControl: boolean }): string {
  const names = [
    ...(options.f16 ? ['f16'] : []),
    'subgroups',
    ...(options.subgroupSizeControl ? ['subgroup_size_control'] : []),
    'chromium_experimental_subgroup_matrix',
  ];
  return names.map((name) => `enable ${name};\n`).join('');
}

/** Type of A [m, k] of a product. The type's parameters are component, columns, rows. */
export function leftType(component: MatrixComponent, m: number, k: number): string {
  return `subgroup_matrix_left<${component}, ${k}, ${m}>`;
}

/** Type of B [k, n]. */
export function rightType(component: MatrixComponent, n: number, k: number): string {
  return `subgroup_matrix_right<${component}, ${n}, ${k}>`;
}

/** Type of the sums [m, n]. */
export function resultType(component: MatrixConfig['result'], m: number, n: number): string {
  return `subgroup_matrix_result<${component}, ${n}, ${m}>`;
}

/** Expression that loads a matrix of `type` from the array that `pointer` points to. */
export function loadMatrix(type: string, order: MatrixOrder, pointer: string, offset: string, stride: string): string {
  return `subgroupMatrixLoad<${type}, ${order}>(${pointer}, ${offset}, ${stride})`;
}

/** Statement that stores a matrix, row after row. */
export function storeMatrix(pointer: string, offset: string, matrix: string, stride: string): string {
  return `subgroupMatrixStore<row_major>(${pointer}, ${offset}, ${matrix}, ${stride});`;
}

/** Expression a b + c. */
export function multiplyAdd(a: string, b: string, c: string): string {
  return `subgroupMatrixMultiplyAccumulate(${a}, ${b}, ${c})`;
}

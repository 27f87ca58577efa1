import { ShapeError } from '../errors.ts';

/** Elements of a row that are rotated together at most: the group of ConvRot (arXiv 2512.03673). */
export const ROTATION_GROUP = 256;

/** The group to rotate rows of `columns` elements in: the largest power of two up to 256 that divides them; 1 = none. */
export function rotationGroup(columns: number): number {
  let group = 1;
  while (group < ROTATION_GROUP && columns % (2 * group) === 0) group *= 2;
  return group;
}

/** @throws ShapeError if rows of `columns` elements cannot be rotated in such groups */
export function requireGroup(op: string, group: number, columns: number): void {
  const isPower = Number.isInteger(group) && group >= 1 && group <= ROTATION_GROUP && Math.log2(group) % 1 === 0;
  if (!isPower || columns % group !== 0)
    throw new ShapeError(
      `${op}: the rotation's group must be a power of two up to ${ROTATION_GROUP} that divides the ${columns} columns, got ${group}.`,
    );
}

/**
 * x H for each group of a row, in place. H is symmetric and orthonormal, so (x H) (w H)^T = x w^T, and a second rotation
 * undoes the first.
 *
 * H is the Kronecker product of H4 = (all ones - 2 x the reversal) / 2, once for each factor of 4 of the group, and of
 * Walsh's [1 1; 1 -1] / sqrt(2) as the outermost factor where one of 2 is left. H4 is regular: its rows all sum to 2, so that a
 * row of like values stays one, where Walsh's own matrix of order 4 would gather them in one element: that is the outlier
 * that the rotation is to remove (ConvRot, arXiv 2512.03673, section 3).
 */
export function rotateGroups(values: Float64Array, group: number): void {
  for (let start = 0; start < values.length; start += group) {
    let stride = 1;
    for (; 4 * stride <= group; stride *= 4)
      for (let block = start; block < start + group; block += 4 * stride)
        for (let i = block; i < block + stride; i++) {
          const a = values[i];
          const b = values[i + stride];
          const c = values[i + 2 * stride];
          const d = values[i + 3 * stride];
          const half = 0.5 * (a + b + (c + d));
          values[i] = half - d;
          values[i + stride] = half - c;
          values[i + 2 * stride] = half - b;
          values[i + 3 * stride] = half - a;
        }
    if (stride < group)
      for (let i = start; i < start + stride; i++) {
        const a = values[i];
        const b = values[i + stride];
        values[i] = (a + b) * Math.SQRT1_2;
        values[i + stride] = (a - b) * Math.SQRT1_2;
      }
  }
}

/**
 * Rows [n, columns] rotated in groups, computed in f64: what is done to a weight [n, k] before it is quantised.
 *
 * @throws ShapeError if rows of `columns` elements cannot be rotated in such groups
 */
export function rotatedRows(values: Float32Array, columns: number, group: number): Float32Array {
  requireGroup('rotation', group, columns);
  const rotated = new Float32Array(values.length);
  const row = new Float64Array(columns);
  for (let start = 0; start < values.length; start += columns) {
    row.set(values.subarray(start, start + columns));
    rotateGroups(row, group);
    rotated.set(row, start);
  }
  return rotated;
}

import { ShapeError } from './errors.ts';

const LEAST_NORMAL = 2 ** -126;

/**
 * Checks what a norm adds under its root: with it, not even a row of zeros takes the root of 0 or of a number that drivers
 * flush to 0 (see wgsl-lib/inverse-root.wgsl).
 *
 * @throws ShapeError if it is not positive, finite and normal in f32
 */
export function requireEps(op: string, name: string, eps: number): void {
  const rounded = Math.fround(eps);
  if (!(rounded >= LEAST_NORMAL && rounded < Infinity))
    throw new ShapeError(`${op}: ${name} must be positive, finite and normal in f32 (2^-126 or more), got ${eps}.`);
}

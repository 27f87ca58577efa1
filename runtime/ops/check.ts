import { DTypeError, ShapeError } from '../errors.ts';
import type { Value } from '../program/plan.ts';

/** Checks an operand's dtype. @throws DTypeError that names op and operand */
export function requireDType(op: string, name: string, value: Value, dtype: Value['dtype']): void {
  if (value.dtype !== dtype) throw new DTypeError(`${op}: ${name} must be ${dtype}, got ${value.dtype}.`);
}

/** Checks an operand's shape; a negative size stands for "any". @throws ShapeError that names op and operand */
export function requireShape(op: string, name: string, value: Value, shape: readonly number[]): void {
  const fits =
    value.shape.length === shape.length && shape.every((size, axis) => size < 0 || size === value.shape[axis]);
  if (fits) return;
  const wanted = shape.map((size) => (size < 0 ? '*' : size)).join(', ');
  throw new ShapeError(`${op}: ${name} must be [${wanted}], got [${value.shape.join(', ')}].`);
}

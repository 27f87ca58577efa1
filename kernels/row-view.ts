import { ShapeError } from './errors.ts';

/** Where the rows of a matrix lie in its buffer: element (r, c) is at `offset + r * stride + c`. Counted in elements. */
export interface RowView {
  /** First element of row 0; 0 where absent. */
  readonly offset?: number;
  /** Elements from a row to the next; the number of columns where absent. */
  readonly stride?: number;
}

/** A view with its defaults filled in, checked against a shape. */
export interface ResolvedView {
  readonly offset: number;
  readonly stride: number;
  /** One past the last element of the last row: what the buffer must at least hold. */
  readonly end: number;
}

/**
 * Fills in a view's defaults and checks it for `rows` x `columns` elements.
 *
 * @throws ShapeError if a number is not a whole number, rows overlap, or an address leaves 32 bits
 */
export function resolveView(
  op: string,
  name: string,
  view: RowView | undefined,
  rows: number,
  columns: number,
): ResolvedView {
  const offset = view?.offset ?? 0;
  const stride = view?.stride ?? columns;
  if (!Number.isInteger(offset) || offset < 0)
    throw new ShapeError(`${op}: ${name} must start at a whole, non-negative element, got ${offset}.`);
  if (!Number.isInteger(stride) || (rows > 1 && stride < columns))
    throw new ShapeError(`${op}: rows of ${name} [${rows}, ${columns}] overlap, got stride ${stride}.`);
  const end = offset + (rows - 1) * stride + columns;
  if (end > 0xffffffff)
    throw new ShapeError(`${op}: ${name} ends at element ${end}, past 32-bit addresses. Split the rows.`);
  return { offset, stride, end };
}

/**
 * Checks sizes that must be whole and at least 1.
 *
 * @throws ShapeError that names the first size at fault
 */
export function requireSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes))
    if (!Number.isInteger(size) || size < 1 || size > 0xffffffff)
      throw new ShapeError(`${op}: ${name} must be a whole number of at least 1, got ${size}.`);
}

/** True if all these element counts and addresses are multiples of 4: then vec4 access is possible. */
export function isVec4(...counts: readonly number[]): boolean {
  return counts.every((count) => count % 4 === 0);
}

import type { CaseRandom } from './cases.ts';
import type { ResolvedView } from './row-view.ts';

/** What fills the rows of a test matrix. `spiky` = uniform with one value of 1e4 a row; `offset` = 1e4 + uniform. */
export type RowFill = 'uniform' | 'spiky' | 'offset' | 'equal' | 'zeros' | 'tiny';

/** A buffer whose rows hold test data and whose every other element (before the first row, between rows) is NaN. */
export function makeRows(
  random: CaseRandom,
  view: ResolvedView,
  rows: number,
  columns: number,
  fill: RowFill = 'uniform',
): Float32Array {
  const data = new Float32Array(view.end).fill(Number.NaN);
  for (let row = 0; row < rows; row++) {
    const start = view.offset + row * view.stride;
    const level = random.uniform(-2, 2);
    for (let c = 0; c < columns; c++) {
      const value = random.uniform(-2, 2);
      data[start + c] =
        fill === 'zeros'
          ? 0
          : fill === 'equal'
            ? level
            : fill === 'offset'
              ? 1e4 + value
              : fill === 'tiny'
                ? value * 1e-5
                : value;
    }
    if (fill === 'spiky') data[start + random.integer(columns)] = 1e4;
  }
  return data;
}

/** A buffer for rows that a kernel will write: all NaN. */
export function blankRows(view: ResolvedView): Float32Array {
  return new Float32Array(view.end).fill(Number.NaN);
}

/** One row of a matrix, without copying. */
export function rowAt(data: Float32Array, view: ResolvedView, row: number, columns: number): Float32Array {
  const start = view.offset + row * view.stride;
  return data.subarray(start, start + columns);
}

/** What a buffer must hold after a kernel wrote its rows: `row(r)` where the rows are, the old bytes elsewhere. */
export function expectRows(
  before: Float32Array,
  view: ResolvedView,
  rows: number,
  row: (index: number) => ArrayLike<number>,
): Float64Array {
  const after = Float64Array.from(before);
  for (let r = 0; r < rows; r++) after.set(row(r), view.offset + r * view.stride);
  return after;
}

/** The f32 array that a case made for a binding. */
export function floatsOf(inputs: Readonly<Record<string, ArrayBufferView>>, name: string): Float32Array {
  const view = inputs[name];
  if (!(view instanceof Float32Array)) throw new TypeError(`case input "${name}" is not a Float32Array`);
  return view;
}

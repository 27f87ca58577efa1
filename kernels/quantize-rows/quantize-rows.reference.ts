/** Element (i, j) of the rotation of order `group`, from its definition: signs by digits of base 4, over sqrt(group). */
export function rotationElement(group: number, i: number, j: number): number {
  let sign = 1;
  let order = 1;
  for (; 4 * order <= group; order *= 4)
    if ((Math.floor(i / order) % 4) + (Math.floor(j / order) % 4) === 3) sign = -sign;
  if (order < group && i >= order && j >= order) sign = -sign;
  return sign / Math.sqrt(group);
}

/** The whole matrix, row by row; kept, because cases of many rows ask for it again and again. */
function rotationMatrix(group: number): Float64Array {
  const known = MATRICES.get(group);
  if (known) return known;
  const matrix = Float64Array.from({ length: group * group }, (_, at) =>
    rotationElement(group, Math.floor(at / group), at % group),
  );
  MATRICES.set(group, matrix);
  return matrix;
}

const MATRICES = new Map<number, Float64Array>();

/** A row times the rotation in each group, by the matrix itself, f64. */
export function rotatedRow(x: ArrayLike<number>, group: number): Float64Array {
  const rotated = new Float64Array(x.length);
  const matrix = rotationMatrix(group);
  for (let start = 0; start < x.length; start += group)
    for (let j = 0; j < group; j++) {
      let sum = 0;
      for (let i = 0; i < group; i++) sum += (x[start + i] ?? 0) * matrix[i * group + j];
      rotated[start + j] = sum;
    }
  return rotated;
}

/** Codes and step of a row: step = max |x H| / 127, code = x H / step to nearest, ties to even; zeros for a row below 2^-100. */
export function quantizedRow(x: ArrayLike<number>, group: number): { codes: Float64Array; scale: number } {
  const codes = rotatedRow(x, group);
  const most = codes.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (most < 2 ** -100) return { codes: codes.fill(0), scale: 0 };
  const scale = most / 127;
  for (let c = 0; c < codes.length; c++) codes[c] = roundToEven(codes[c] / scale);
  return { codes, scale };
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

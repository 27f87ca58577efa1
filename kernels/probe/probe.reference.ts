/** Chains of the FMA probe, per lane: four vec4 that start at seed + 0.25 j + n. */
const CHAINS = 4;

/**
 * What an invocation of the FMA probe writes: for each of four components the sum over four chains of
 * a <- a m + c, done `steps` times. In closed form a_n = m^n a_0 + c (1 - m^n) / (1 - m).
 */
export function fmaProbeReference(seed: number, steps: number, m: number, c: number): number[] {
  const power = m ** steps;
  const rest = (c * (1 - power)) / (1 - m);
  return Array.from({ length: 4 }, (_, j) => {
    let sum = 0;
    for (let n = 0; n < CHAINS; n++) sum += power * (seed + 0.25 * j + n) + rest;
    return sum;
  });
}

/** Sum i of every workgroup of the matrix probe: rounds + i times a [m, k] b [k, n]. */
export function matrixProbeReference(
  a: readonly number[],
  b: readonly number[],
  { m, n, k }: { readonly m: number; readonly n: number; readonly k: number },
  { workgroups, rounds }: { readonly workgroups: number; readonly rounds: number },
  sums: number,
): Float64Array {
  const values = new Float64Array(workgroups * sums * m * n);
  for (let at = 0; at < values.length; at++) {
    const [row, column] = [Math.floor((at % (m * n)) / n), at % n];
    let product = 0;
    for (let i = 0; i < k; i++) product += a[row * k + i] * b[i * n + column];
    values[at] = (rounds + (Math.floor(at / (m * n)) % sums)) * product;
  }
  return values;
}

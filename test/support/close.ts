import type { Tolerance } from '../../kernels/cases.ts';

/** How far `actual` is from `expected`: a message where it is outside of the tolerance, else undefined. */
export function describeMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `has ${actual.length} elements, expected ${expected.length}`;
  let outside = 0;
  let worst = 0;
  let worstAt = -1;
  let squares = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i];
    const e = expected[i];
    if (Number.isFinite(e) ? !Number.isFinite(a) : !Object.is(a, e)) return `element ${i}: got ${a}, expected ${e}`;
    if (!Number.isFinite(e)) continue;
    const limit = tolerance.atol + tolerance.rtol * Math.abs(e);
    const error = Math.abs(a - e);
    squares += error * error;
    norm += e * e;
    if (error > limit) outside++;
    const share = limit > 0 ? error / limit : error > 0 ? Infinity : 0;
    if (share > worst) {
      worst = share;
      worstAt = i;
    }
  }
  const nmse = norm > 0 ? squares / norm : squares;
  if (outside === 0 && nmse <= tolerance.nmse) return undefined;
  return (
    `${outside}/${expected.length} elements out of tolerance (atol=${tolerance.atol}, rtol=${tolerance.rtol}, ` +
    `nmse=${nmse.toExponential(1)} of ${tolerance.nmse}); worst at ${worstAt}: got ${actual[worstAt]}, ` +
    `expected ${expected[worstAt]} (${worst.toExponential(2)}x the limit)`
  );
}

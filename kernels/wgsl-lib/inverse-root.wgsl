// 1 / sqrt(v), v > 0 and normal, to half a unit of f32. Every element of a row is multiplied by it, so what two
// roundings (and a GPU's approximate root) leave in 1.0 / sqrt(v) would come back in each of them.
// With r the root's first 8 bits and e = 1 - v r^2, 1 / sqrt(v) = r (1 - e)^(-1/2), |e| < 2^-6: six terms of the
// series. v is cut in two, without counting on fma: high r^2 is exact, and so is its difference from 1; (v - high) r^2,
// below 2^-6, is rounded by 2^-31 at most, half of which reaches r. Cuts by bits survive optimisers.
// v = inf gives NaN: an overflowed sum of squares is not silently a zero row. So does a v that a driver flushes to 0:
// planners ask for a normal eps.
fn inverse_root(v: f32) -> f32 {
  let r = bitcast<f32>(bitcast<u32>(1.0 / sqrt(v)) & 0xffff0000u);
  let high = bitcast<f32>(bitcast<u32>(v) & 0xffff0000u);
  let e = (1.0 - high * r * r) - (v - high) * r * r;
  let rest = 0.5 + e * (0.375 + e * (0.3125 + e * (0.2734375 + e * 0.24609375)));
  return r + r * e * rest;
}

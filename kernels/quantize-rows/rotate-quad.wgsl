// What a rotation does to four neighbours, and between vec4s: the factors of the matrix of quantize-rows-rotation.ts.
// before it: const GROUP (elements that are rotated together, a power of two)
const SQRT_HALF = 0.70710678118654752440;

// The factors of order up to 4 on the elements of one vec4.
fn rotated_quad(v: vec4f) -> vec4f {
  if (GROUP >= 4u) {
    return vec4f(0.5 * (v.x + v.y + (v.z + v.w))) - v.wzyx;
  }
  if (GROUP == 2u) {
    return SQRT_HALF * vec4f(v.x + v.y, v.x - v.y, v.z + v.w, v.z - v.w);
  }
  return v;
}

// One over the step between codes: a row that is as good as zero becomes zeros.
fn codes_per_unit(most: f32) -> f32 {
  return select(0.0, 127.0 / most, most >= LEAST);
}

fn row_step(most: f32) -> f32 {
  return select(0.0, most / 127.0, most >= LEAST);
}

// 127 / LEAST is still finite.
const LEAST = 0x1p-100f;

fn largest_of(v: vec4f) -> f32 {
  let w = abs(v);
  return max(max(w.x, w.y), max(w.z, w.w));
}

// `round` takes ties to even. |v * per_unit| is at most 127 and an ulp or two.
fn codes_of(v: vec4f, per_unit: f32) -> u32 {
  return pack4xI8(vec4i(round(v * per_unit)));
}

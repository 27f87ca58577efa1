// Products of matmul-outer in f32. Four of them are added before they go into the sum: as fast, and half the rounding
// error.
// prelude: const ROWS: u32 <= 32
alias Sum = vec4f;

fn add_products(
  base: ptr<function, array<u32, ROWS>>,
  w_base: u32,
  col: u32,
  sum: ptr<function, array<Sum, ROWS>>,
) {
  let whole = p.k & ~3u;
  for (var k = 0u; k < whole; k += 4u) {
    let s = w_square(w_base, k, col);
    for (var i = 0u; i < ROWS; i++) {
      let v = x_quad(base[i] + k);
      sum[i] += fma(vec4f(v.w), s[3], fma(vec4f(v.z), s[2], fma(vec4f(v.y), s[1], v.x * s[0])));
    }
  }
  for (var k = whole; k < p.k; k++) {
    let s = w_row(w_base, k, col);
    for (var i = 0u; i < ROWS; i++) {
      sum[i] = fma(vec4f(x_at(base[i] + k)), s, sum[i]);
    }
  }
}

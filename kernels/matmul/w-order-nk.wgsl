// w stored [N, K], as torch keeps a Linear: the inputs of one output channel lie side by side.
fn w_value(base: u32, k: u32, col: u32) -> f32 {
  return w_at(base + col * p.w_stride + k);
}

// Four output channels from `col` (a multiple of 4 below n) at one k; beyond n it holds the last channel again.
fn w_row(base: u32, k: u32, col: u32) -> vec4f {
  let last = p.n - 1u;
  return vec4f(
    w_value(base, k, col),
    w_value(base, k, min(col + 1u, last)),
    w_value(base, k, min(col + 2u, last)),
    w_value(base, k, min(col + 3u, last)),
  );
}

// [i] = the four channels at k + i; k is a multiple of 4 and k + 3 < K.
fn w_square(base: u32, k: u32, col: u32) -> mat4x4f {
  let last = p.n - 1u;
  return transpose(mat4x4f(
    w_quad(base + col * p.w_stride + k),
    w_quad(base + min(col + 1u, last) * p.w_stride + k),
    w_quad(base + min(col + 2u, last) * p.w_stride + k),
    w_quad(base + min(col + 3u, last) * p.w_stride + k),
  ));
}

// w stored [K, N]: the output channels of one k lie side by side.
fn w_value(base: u32, k: u32, col: u32) -> f32 {
  return w_at(base + k * p.w_stride + col);
}

// Four output channels from `col` (a multiple of 4 below n) at one k; beyond n it holds whatever the row's padding
// does.
fn w_row(base: u32, k: u32, col: u32) -> vec4f {
  return w_quad(base + k * p.w_stride + col);
}

// [i] = the four channels at k + i; k is a multiple of 4 and k + 3 < K.
fn w_square(base: u32, k: u32, col: u32) -> mat4x4f {
  let index = base + k * p.w_stride + col;
  return mat4x4f(
    w_quad(index),
    w_quad(index + p.w_stride),
    w_quad(index + 2u * p.w_stride),
    w_quad(index + 3u * p.w_stride),
  );
}

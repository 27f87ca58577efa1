// Elements of K for matmul-tiled: values of x and w in f32. Four rows or columns of one element are a vec4f.
alias Quad = vec4f;
alias Square = mat4x4f;
alias Sum = vec4f;

fn elements_of_k() -> u32 {
  return p.k;
}

fn multiply_add(a: f32, b: vec4f, sum: vec4f) -> vec4f {
  return fma(vec4f(a), b, sum);
}

// [i] = rows row to row + 3 of x at k + i; zero beyond K, the last row again beyond M.
fn x_square(base: u32, row: u32, k: u32) -> Square {
  let last = p.m - 1u;
  let rows = vec4u(base) + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(last)) * p.x_stride;
  if (k + 4u <= p.k) {
    return transpose(mat4x4f(x_quad(rows.x + k), x_quad(rows.y + k), x_quad(rows.z + k), x_quad(rows.w + k)));
  }
  return mat4x4f(x_edge(rows, k), x_edge(rows, k + 1u), x_edge(rows, k + 2u), x_edge(rows, k + 3u));
}

fn x_edge(rows: vec4u, k: u32) -> vec4f {
  if (k >= p.k) {
    return vec4f(0.0);
  }
  return vec4f(x_at(rows.x + k), x_at(rows.y + k), x_at(rows.z + k), x_at(rows.w + k));
}

// [i] = columns col to col + 3 of w at k + i, col a multiple of 4 below N; zero beyond K.
fn w_square_guarded(base: u32, k: u32, col: u32) -> Square {
  if (k + 4u <= p.k) {
    return w_square(base, k, col);
  }
  return mat4x4f(
    w_edge(base, k, col),
    w_edge(base, k + 1u, col),
    w_edge(base, k + 2u, col),
    w_edge(base, k + 3u, col),
  );
}

fn w_edge(base: u32, k: u32, col: u32) -> vec4f {
  if (k >= p.k) {
    return vec4f(0.0);
  }
  return w_row(base, k, col);
}

// Elements of K for matmul-tiled: words of four i8 codes of x and w. Four rows or columns of one word are a vec4u.
alias Quad = vec4u;
alias Square = array<vec4u, 4>;
alias Sum = vec4i;

fn elements_of_k() -> u32 {
  return words_of_k();
}

fn multiply_add(a: u32, b: vec4u, sum: vec4i) -> vec4i {
  return sum + dots(a, b);
}

// [i] = rows row to row + 3 of x at word k + i; zeros beyond K, the last row again beyond M.
fn x_square(base: u32, row: u32, k: u32) -> Square {
  let rows = vec4u(base) + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(p.m - 1u)) * p.x_stride;
  return Square(x_words(rows, k), x_words(rows, k + 1u), x_words(rows, k + 2u), x_words(rows, k + 3u));
}

fn x_words(rows: vec4u, word: u32) -> vec4u {
  if (word >= words_of_k()) {
    return vec4u();
  }
  return vec4u(x_word(rows.x, word), x_word(rows.y, word), x_word(rows.z, word), x_word(rows.w, word));
}

// [i] = columns col to col + 3 of w at word k + i, col a multiple of 4 below N; zeros beyond K.
fn w_square_guarded(base: u32, k: u32, col: u32) -> Square {
  return Square(
    w_words_guarded(base, k, col),
    w_words_guarded(base, k + 1u, col),
    w_words_guarded(base, k + 2u, col),
    w_words_guarded(base, k + 3u, col),
  );
}

fn w_words_guarded(base: u32, word: u32, col: u32) -> vec4u {
  if (word >= words_of_k()) {
    return vec4u();
  }
  return w_words(base, word, col);
}

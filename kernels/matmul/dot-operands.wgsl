// x and w of packed i8 as words of four codes, rows at multiples of 4: products of words, sums of i32. Exact up to K =
// 133144 (127 * 127 K < 2^31).
@group(0) @binding(BINDING_X) var<storage, read> x: array<u32>;
@group(0) @binding(BINDING_W) var<storage, read> w: array<u32>;

// Words of a row of K codes, the last of which may hold some of the padding.
fn words_of_k() -> u32 {
  return (p.k + 3u) >> 2u;
}

// Word `word` of x's row that starts at element `base`, the codes from K on as zeros: they cancel what w has there.
fn x_word(base: u32, word: u32) -> u32 {
  let left = p.k - 4u * word;
  return x[(base >> 2u) + word] & select((1u << (8u * (left & 3u))) - 1u, 0xffffffffu, left >= 4u);
}

fn w_word(base: u32, word: u32, col: u32) -> u32 {
  return w[((base + col * p.w_stride) >> 2u) + word];
}

// Word `word` of four columns from `col` on; beyond N the last column again.
fn w_words(base: u32, word: u32, col: u32) -> vec4u {
  let last = p.n - 1u;
  return vec4u(
    w_word(base, word, col),
    w_word(base, word, min(col + 1u, last)),
    w_word(base, word, min(col + 2u, last)),
    w_word(base, word, min(col + 3u, last)),
  );
}

fn dots(a: u32, b: vec4u) -> vec4i {
  return vec4i(dot4I8Packed(a, b.x), dot4I8Packed(a, b.y), dot4I8Packed(a, b.z), dot4I8Packed(a, b.w));
}

// Products of matmul-outer by words of four i8 codes; sums are i32.
// prelude: const ROWS: u32 <= 32
alias Sum = vec4i;

fn add_products(
  base: ptr<function, array<u32, ROWS>>,
  w_base: u32,
  col: u32,
  sum: ptr<function, array<Sum, ROWS>>,
) {
  let words = words_of_k();
  for (var word = 0u; word < words; word++) {
    let b = w_words(w_base, word, col);
    for (var i = 0u; i < ROWS; i++) {
      sum[i] += dots(x_word(base[i], word), b);
    }
  }
}

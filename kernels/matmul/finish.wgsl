// The epilogue of four neighbouring columns of one row: scale, bias, activation, then store or add.
// `row` < m and `col` < n; `out_base` is the batch's offset.
fn finish(out_base: u32, row: u32, col: u32, sum: vec4f) {
  combine(out_base + row * p.out_stride + col, row, col, activated(biased(scaled(sum, col), col)));
}

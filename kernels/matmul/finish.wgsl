// The epilogue: scale, bias, activation, then store or add. What belongs to four neighbouring columns is read once for
// all rows of an invocation. (The driver takes an unused member out again.)
struct Column {
  col: u32,
  scale: vec4f,
  bias: vec4f,
  gate: vec4f,
}

// `col` is a multiple of 4 below n.
fn column_at(col: u32) -> Column {
  return Column(col, column_scale(col), column_bias(col), column_gate(col));
}

fn finished(row: u32, column: Column, sum: vec4f) -> vec4f {
  return activated(fma(sum * row_scale(row), column.scale, column.bias));
}

// `row` < m; `out_base` is the batch's offset.
fn finish(out_base: u32, row: u32, column: Column, sum: vec4f) {
  combine(
    out_base + row * p.out_stride + column.col,
    row,
    column,
    finished(row, column, sum),
  );
}

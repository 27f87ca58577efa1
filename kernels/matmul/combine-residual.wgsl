// out += v, in place
fn column_gate(col: u32) -> vec4f {
  return vec4f(1.0);
}

fn combine(index: u32, row: u32, column: Column, value: vec4f) {
  out_store(index, column.col, out_load(index, column.col) + value);
}

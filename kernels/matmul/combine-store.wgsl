// out = v
fn combine(index: u32, row: u32, col: u32, value: vec4f) {
  out_store(index, col, value);
}

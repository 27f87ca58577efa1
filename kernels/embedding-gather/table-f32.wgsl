// A table of f32.
@group(0) @binding(0) var<storage, read> table: array<f32>;
fn table_at(element: u32) -> f32 {
  return table[element];
}

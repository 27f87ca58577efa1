// One scale per row of an i8 x: sum_k (s q) w = s sum_k q w.
@group(0) @binding(BINDING_ROW_SCALES) var<storage, read> row_scales: array<f32>;

fn row_scale(row: u32) -> f32 {
  return row_scales[row];
}

fn row_scale(row: u32) -> f32 {
  return 1.0;
}

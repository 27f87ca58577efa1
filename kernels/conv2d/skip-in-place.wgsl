// Residual = what the output held before: y += conv(x).
fn skip_at(index: u32) -> f32 {
  return output[p.out_offset + index];
}

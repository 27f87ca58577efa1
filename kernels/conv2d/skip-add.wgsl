// Residual from a tensor of its own.
@group(0) @binding(3) var<storage, read> residual: array<f32>;

fn skip_at(index: u32) -> f32 {
  return residual[p.residual_offset + index];
}

// Residual from a tensor of its own, where there is one: without one any buffer is bound, so both share a pipeline.
@group(0) @binding(3) var<storage, read> residual: array<f32>;

fn skip_at(index: u32) -> f32 {
  if (p.has_residual == 0u) {
    return 0.0;
  }
  return residual[p.residual_offset + index];
}

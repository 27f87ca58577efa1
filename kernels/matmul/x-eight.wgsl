// Eight elements of x as f16, rounded: index is a multiple of 8 from the row's start. x_scale is a power of two that
// brings large activations into f16's range; alpha takes it back.
fn x_eight(index: u32) -> vec4u {
  return pack_eight(p.x_scale * x_quad(index), p.x_scale * x_quad(index + 4u));
}

// Eight elements of w as f16: exact for f16 and the codes of i8, rounded for the others.
fn w_eight(index: u32) -> vec4u {
  return pack_eight(w_quad(index), w_quad(index + 4u));
}

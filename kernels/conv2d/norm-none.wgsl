// The input is taken as it is.
fn prepare(v: array<vec4f, 2>, pixel: u32, channel: u32) -> array<vec4f, 2> {
  return v;
}

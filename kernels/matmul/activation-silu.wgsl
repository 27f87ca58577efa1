// v / (1 + exp(-v)); beyond -80 the exponential would overflow, and the result is 0 in f32 relative to its neighbours.
fn activated(value: vec4f) -> vec4f {
  return value / (1.0 + exp(-max(value, vec4f(-80.0))));
}

fn column_bias(col: u32) -> vec4f {
  return vec4f(0.0);
}

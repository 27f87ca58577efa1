fn column_scale(col: u32) -> vec4f {
  return vec4f(p.alpha);
}

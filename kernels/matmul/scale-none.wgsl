fn scaled(sum: vec4f, col: u32) -> vec4f {
  return p.alpha * sum;
}

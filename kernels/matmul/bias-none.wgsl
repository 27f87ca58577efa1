fn biased(value: vec4f, col: u32) -> vec4f {
  return value;
}

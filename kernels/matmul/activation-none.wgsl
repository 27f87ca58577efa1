fn activated(value: vec4f) -> vec4f {
  return value;
}

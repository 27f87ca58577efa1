fn step_once(a: vec4f, m: vec4f, c: vec4f) -> vec4f {
  return fma(a, m, c);
}

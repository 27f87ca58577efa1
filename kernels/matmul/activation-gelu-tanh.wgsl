// 0.5 v (1 + tanh(u)), u = sqrt(2 / pi) (v + 0.044715 v^3), written as v / (1 + exp(-2u)): the same function, without
// the cancellation of 1 + tanh for large negative v. |u| is bounded so that exp stays finite; there the result is v or
// 0.
fn activated(value: vec4f) -> vec4f {
  let u = clamp(0.7978845608028654 * (value + 0.044715 * value * value * value), vec4f(-40.0), vec4f(40.0));
  return value / (1.0 + exp(-2.0 * u));
}

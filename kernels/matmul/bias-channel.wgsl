// bias [N] f32.
@group(0) @binding(BINDING_BIAS) var<storage, read> bias: array<f32>;

fn column_bias(col: u32) -> vec4f {
  let last = p.n - 1u;
  return vec4f(bias[col], bias[min(col + 1u, last)], bias[min(col + 2u, last)], bias[min(col + 3u, last)]);
}

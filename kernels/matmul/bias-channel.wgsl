// bias [N] f32, of each problem.
@group(0) @binding(BINDING_BIAS) var<storage, read> bias: array<f32>;

fn column_bias(col: u32) -> vec4f {
  let base = problem * p.n;
  let last = p.n - 1u;
  return vec4f(
    bias[base + col],
    bias[base + min(col + 1u, last)],
    bias[base + min(col + 2u, last)],
    bias[base + min(col + 3u, last)],
  );
}

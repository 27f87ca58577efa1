// alpha and beta are two elements of a buffer.
@group(0) @binding(2) var<storage, read> scalars: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(0) @binding(4) var<uniform> p: Params;
fn factors() -> vec2f {
  return vec2f(scalars[p.alpha_index], scalars[p.beta_index]);
}

// alpha and beta are constants of the dispatch.
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;
fn factors() -> vec2f {
  return vec2f(p.alpha, p.beta);
}

// w of f32 with any offset and strides.
@group(0) @binding(BINDING_W) var<storage, read> w: array<f32>;

fn w_at(index: u32) -> f32 {
  return w[index];
}

fn w_quad(index: u32) -> vec4f {
  return vec4f(w[index], w[index + 1u], w[index + 2u], w[index + 3u]);
}

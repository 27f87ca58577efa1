// x of f32 with any offset and strides.
@group(0) @binding(BINDING_X) var<storage, read> x: array<f32>;

fn x_at(index: u32) -> f32 {
  return x[index];
}

fn x_quad(index: u32) -> vec4f {
  return vec4f(x[index], x[index + 1u], x[index + 2u], x[index + 3u]);
}

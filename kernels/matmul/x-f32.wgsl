// x of f32 whose offset and strides are multiples of 4 elements.
@group(0) @binding(BINDING_X) var<storage, read> x: array<vec4f>;

fn x_at(index: u32) -> f32 {
  return x[index >> 2u][index & 3u];
}

// Elements index to index + 3; index is a multiple of 4.
fn x_quad(index: u32) -> vec4f {
  return x[index >> 2u];
}

// w of f32 whose offset and strides are multiples of 4 elements.
@group(0) @binding(BINDING_W) var<storage, read> w: array<vec4f>;

fn w_at(index: u32) -> f32 {
  return w[index >> 2u][index & 3u];
}

// Elements index to index + 3; index is a multiple of 4.
fn w_quad(index: u32) -> vec4f {
  return w[index >> 2u];
}

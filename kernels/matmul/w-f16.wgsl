// w of packed f16 whose offset and strides are multiples of 4 elements.
@group(0) @binding(BINDING_W) var<storage, read> w: array<vec2u>;

fn w_at(index: u32) -> f32 {
  let pair = unpack2x16float(w[index >> 2u][(index >> 1u) & 1u]);
  return pair[index & 1u];
}

fn w_quad(index: u32) -> vec4f {
  let words = w[index >> 2u];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

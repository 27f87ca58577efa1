// w of packed bf16 whose offset and strides are multiples of 4 elements. A bf16 is the upper half of an f32, so the
// widening is exact; the lower half of a word is the earlier element.
@group(0) @binding(BINDING_W) var<storage, read> w: array<vec2u>;

fn w_at(index: u32) -> f32 {
  let word = w[index >> 2u][(index >> 1u) & 1u];
  return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (index & 1u) == 1u));
}

fn w_quad(index: u32) -> vec4f {
  let words = w[index >> 2u];
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}

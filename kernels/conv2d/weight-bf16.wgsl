// Weights [kernel, kernel, in_c, out_quads] as packed bf16: the upper half of an f32, so the widening is exact.
@group(0) @binding(1) var<storage, read> weight: array<vec2u>;

fn weight_quad(index: u32) -> vec4f {
  let words = weight[index];
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}

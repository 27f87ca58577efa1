// Weights [kernel, kernel, in_c, out_quads] as packed f16; the lower half of a word is the earlier channel.
@group(0) @binding(1) var<storage, read> weight: array<vec2u>;

fn weight_quad(index: u32) -> vec4f {
  let words = weight[index];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

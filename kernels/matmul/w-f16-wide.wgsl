// w of packed f16 whose offset and strides are multiples of 8 elements: 16 bytes at a time, unchanged.
@group(0) @binding(BINDING_W) var<storage, read> w: array<vec4u>;

fn w_at(index: u32) -> f32 {
  let pair = unpack2x16float(w[index >> 3u][(index >> 1u) & 3u]);
  return pair[index & 1u];
}

fn w_eight(index: u32) -> vec4u {
  return w[index >> 3u];
}

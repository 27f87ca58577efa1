// x of packed f16 whose offset and strides are multiples of 8 elements: 16 bytes at a time, unchanged.
@group(0) @binding(BINDING_X) var<storage, read> x: array<vec4u>;

fn x_at(index: u32) -> f32 {
  let pair = unpack2x16float(x[index >> 3u][(index >> 1u) & 3u]);
  return pair[index & 1u];
}

fn x_eight(index: u32) -> vec4u {
  return x[index >> 3u];
}

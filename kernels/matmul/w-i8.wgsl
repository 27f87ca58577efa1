// w of packed i8 whose offset and strides are multiples of 4 elements; its channel's scale is applied to the sum.
@group(0) @binding(BINDING_W) var<storage, read> w: array<u32>;

fn w_at(index: u32) -> f32 {
  return f32(unpack4xI8(w[index >> 2u])[index & 3u]);
}

fn w_quad(index: u32) -> vec4f {
  return vec4f(unpack4xI8(w[index >> 2u]));
}

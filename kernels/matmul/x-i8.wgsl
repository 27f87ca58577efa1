// x of packed i8 whose offset and strides are multiples of 4 elements; its row's scale is applied to the sum.
@group(0) @binding(BINDING_X) var<storage, read> x: array<u32>;

fn x_at(index: u32) -> f32 {
  return f32(unpack4xI8(x[index >> 2u])[index & 3u]);
}

fn x_quad(index: u32) -> vec4f {
  return vec4f(unpack4xI8(x[index >> 2u]));
}

// out of f32, N and all offsets and strides multiples of 4.
@group(0) @binding(BINDING_OUT) var<storage, read_write> out: array<vec4f>;

fn out_load(index: u32, col: u32) -> vec4f {
  return out[index >> 2u];
}

fn out_store(index: u32, col: u32, value: vec4f) {
  out[index >> 2u] = value;
}

// out of f32, one buffer for each of two problems; N and all offsets and strides multiples of 4.
@group(0) @binding(BINDING_OUT) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(BINDING_OUT_SECOND) var<storage, read_write> out_second: array<vec4f>;

fn out_load(index: u32, col: u32) -> vec4f {
  if (problem == 1u) {
    return out_second[index >> 2u];
  }
  return out[index >> 2u];
}

fn out_store(index: u32, col: u32, value: vec4f) {
  if (problem == 1u) {
    out_second[index >> 2u] = value;
  } else {
    out[index >> 2u] = value;
  }
}

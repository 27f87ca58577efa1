// out of packed f16, N and all offsets and strides multiples of 4.
@group(0) @binding(BINDING_OUT) var<storage, read_write> out: array<vec2u>;

fn out_load(index: u32, col: u32) -> vec4f {
  let words = out[index >> 2u];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn out_store(index: u32, col: u32, value: vec4f) {
  out[index >> 2u] = vec2u(pack2x16float(value.xy), pack2x16float(value.zw));
}

// w of 4-bit codes, eight to a word (the earliest in the lowest bits), rows [N, K] whose stride is a multiple of
// W_GROUP: value = (code - 8) * the group's scale, one packed f16 for W_GROUP neighbouring inputs.
// prelude: const W_GROUP: u32, a multiple of 8
@group(0) @binding(BINDING_W) var<storage, read> w: array<u32>;
@group(0) @binding(BINDING_SCALES) var<storage, read> scales: array<u32>;

fn w_scale(index: u32) -> f32 {
  let group = index / W_GROUP;
  let pair = unpack2x16float(scales[group >> 1u]);
  return pair[group & 1u];
}

fn w_at(index: u32) -> f32 {
  let code = (w[index >> 3u] >> (4u * (index & 7u))) & 15u;
  return (f32(code) - 8.0) * w_scale(index);
}

fn w_quad(index: u32) -> vec4f {
  let codes = (vec4u(w[index >> 3u] >> (4u * (index & 4u))) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(15u);
  return (vec4f(codes) - 8.0) * w_scale(index);
}

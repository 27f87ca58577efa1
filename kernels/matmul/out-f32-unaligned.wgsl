// out of f32 with any N, offset and strides: a quad may reach beyond the last column.
@group(0) @binding(BINDING_OUT) var<storage, read_write> out: array<f32>;

fn out_load(index: u32, col: u32) -> vec4f {
  let last = min(p.n - col, 4u) - 1u;
  return vec4f(out[index], out[index + min(1u, last)], out[index + min(2u, last)], out[index + min(3u, last)]);
}

fn out_store(index: u32, col: u32, value: vec4f) {
  let count = min(p.n - col, 4u);
  out[index] = value.x;
  if (count > 1u) {
    out[index + 1u] = value.y;
  }
  if (count > 2u) {
    out[index + 2u] = value.z;
  }
  if (count > 3u) {
    out[index + 3u] = value.w;
  }
}

// x whose columns, offset and stride are multiples of 4.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;

fn x_quad(row: u32, quad: u32) -> vec4f {
  return x[((p.x_offset + row * p.x_stride) >> 2u) + quad];
}

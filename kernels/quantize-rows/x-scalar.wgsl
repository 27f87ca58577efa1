// x of any shape; zeros beyond its columns.
@group(0) @binding(0) var<storage, read> x: array<f32>;

fn x_quad(row: u32, quad: u32) -> vec4f {
  let start = p.x_offset + row * p.x_stride;
  var v = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let column = 4u * quad + i;
    if (column < p.cols) {
      v[i] = x[start + column];
    }
  }
  return v;
}

// rms_norm: y[r,c] = x[r,c] * inverseSqrt(mean_c x[r,c]^2 + eps) * weight[c]
//   x, y [rows, cols] f32; weight [cols] f32; columns, offsets and strides count Vs
// parts before this one: a width (V, sum_of) and a row scheme (LANES, reduce_sum, main), inverse_root
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, count: f32, eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_row(row: u32, lane: u32) {
  let cols = select(0u, p.cols, row < p.rows);
  let x_row = p.x_offset + row * p.x_stride;
  let y_row = p.y_offset + row * p.y_stride;
  var squares = V();
  for (var c = lane; c < cols; c += LANES) {
    let v = x[x_row + c];
    squares += v * v;
  }
  let scale = inverse_root(reduce_sum(vec2f(sum_of(squares), 0.0)).x / p.count + p.eps);
  for (var c = lane; c < cols; c += LANES) {
    y[y_row + c] = x[x_row + c] * scale * weight[c];
  }
}

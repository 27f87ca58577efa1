// pixel_norm: y[r,c] = x[r,c] / max(|x[r,:]|, 1e-12) * sqrt(cols) * gamma[c], then SiLU where asked
//   x, y [rows, cols] f32, a row a pixel; gamma [cols] f32; columns, offsets and strides count Vs
// parts before this one: a width (V, sum_of) and a row scheme (LANES, reduce_sum, main)
override SILU: bool = false;
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, root: f32, // sqrt of the count of channels
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> gamma: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_row(row: u32, lane: u32) {
  let cols = select(0u, p.cols, row < p.rows);
  let x_row = p.x_offset + row * p.x_stride;
  let y_row = p.y_offset + row * p.y_stride;
  var total = 0.0;
  for (var c = lane; c < cols; c += LANES) {
    let v = x[x_row + c];
    total += sum_of(v * v);
  }
  let scale = p.root / max(sqrt(reduce_sum(vec2f(total, 0.0)).x), 1e-12);
  for (var c = lane; c < cols; c += LANES) {
    var v = x[x_row + c] * scale * gamma[c];
    if (SILU) {
      v = v / (exp(-v) + 1.0);
    }
    y[y_row + c] = v;
  }
}

// pixel_norm's factors alone: y[r] = sqrt(cols) / max(|x[r,:]|, 1e-12), for consumers that normalise as they read
//   x [rows, cols] f32, a row a pixel; y [rows] f32; columns, offsets and strides of x count Vs, those of y elements
// parts before this one: a width (V, sum_of) and a row scheme (LANES, reduce_sum, main)
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, root: f32, // sqrt of the count of channels
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_row(row: u32, lane: u32) {
  let cols = select(0u, p.cols, row < p.rows);
  let x_row = p.x_offset + row * p.x_stride;
  var total = 0.0;
  for (var c = lane; c < cols; c += LANES) {
    let v = x[x_row + c];
    total += sum_of(v * v);
  }
  let squares = reduce_sum(vec2f(total, 0.0)).x;
  if (lane == 0u && row < p.rows) {
    y[p.y_offset + row] = p.root / max(sqrt(squares), 1e-12);
  }
}

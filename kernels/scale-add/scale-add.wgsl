// scale_add: y[r,c] = alpha * a[r,c] + beta * b[r,c]
//   a, b, y [rows, cols] f32; a stride of 0 repeats one row of b; columns, offsets and strides count Vs
//   alpha and beta come from the part before: Params, or a buffer that is rewritten between runs
// parts before this one: a width (V), units (main), factors (factors())
struct Params {
  rows: u32, cols: u32, a_offset: u32, a_stride: u32,
  b_offset: u32, b_stride: u32, y_offset: u32, y_stride: u32,
  alpha: f32, beta: f32, alpha_index: u32, beta_index: u32,
}
@group(0) @binding(0) var<storage, read> a: array<V>;
@group(0) @binding(1) var<storage, read> b: array<V>;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let f = factors();
  y[p.y_offset + row * p.y_stride + c] =
    a[p.a_offset + row * p.a_stride + c] * f.x + b[p.b_offset + row * p.b_stride + c] * f.y;
}

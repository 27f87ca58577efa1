// accumulate, in place: y[r,c] = keep * y[r,c] + weight * x[r,c]
//   x, y [rows, cols] f32; columns, offsets and strides count Vs
//   keep and weight are two elements of `factors`, which may be rewritten between runs of one recording
//   keep = 0 does not look at y: what an earlier run left there, NaN included, is gone
// parts before this one: a width (V), units (main)
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, factor_index: u32,
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let keep = factors[p.factor_index];
  let weight = factors[p.factor_index + 1u];
  let at = p.y_offset + row * p.y_stride + c;
  var kept = V();
  if (keep != 0.0) {
    kept = keep * y[at];
  }
  y[at] = kept + weight * x[p.x_offset + row * p.x_stride + c];
}

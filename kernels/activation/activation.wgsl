// activation: y[r,c] = f(x[r,c]), f = gelu_tanh or silu
//   x, y [rows, cols] f32; columns, offsets and strides count Vs
// parts before this one: a width (V), units (main), an activation (activate)
struct Params { rows: u32, cols: u32, x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32 }
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  y[p.y_offset + row * p.y_stride + c] = activate(x[p.x_offset + row * p.x_stride + c]);
}

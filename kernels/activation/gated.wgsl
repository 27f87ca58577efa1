// activation of a gate: y[r,c] = silu(gate[r,c]) * up[r,c]
//   gate, up, y [rows, cols] f32; columns, offsets and strides count Vs
// parts before this one: a width (V), units (main), an activation (activate)
struct Params {
  rows: u32, cols: u32, gate_offset: u32, gate_stride: u32,
  up_offset: u32, up_stride: u32, y_offset: u32, y_stride: u32,
}
@group(0) @binding(0) var<storage, read> gate: array<V>;
@group(0) @binding(1) var<storage, read> up: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  y[p.y_offset + row * p.y_stride + c] =
    activate(gate[p.gate_offset + row * p.gate_stride + c]) * up[p.up_offset + row * p.up_stride + c];
}

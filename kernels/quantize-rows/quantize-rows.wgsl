// quantize_rows: x[r] -> rotated in groups -> codes y[r] of i8, four to a word, and the step between codes scales[r]
//   x [rows, cols] f32; y [rows, cols] i8; scales [rows] f32. Offsets and strides count elements; those of y are
//   multiples of 4, and what is left of a last word is zeros.
// what a variant adds: x_quad, rotate-quad and main
struct Params {
  rows: u32,
  cols: u32,
  quads: u32, // cols / 4, rounded up
  x_offset: u32,
  x_stride: u32,
  y_offset: u32,
  y_stride: u32,
}
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> scales: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn y_word(row: u32) -> u32 {
  return (p.y_offset + row * p.y_stride) >> 2u;
}

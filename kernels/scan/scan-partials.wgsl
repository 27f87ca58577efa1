// scan, first stage: partial[i] = (bits of max |x| over finite elements, count of NaN and infinities) over the elements
// i, i + partials, ... of the rows; by bits, because compilers may assume that there is no NaN
//   x [rows, cols] f32 as words; an invocation a partial result
// parts before this one: units (main)
struct Params { rows: u32, cols: u32, x_offset: u32, x_stride: u32, partials: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec2u>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_unit(unit: u32) {
  if (unit >= p.partials) {
    return;
  }
  var most = 0u;
  var broken = 0u;
  for (var i = unit; i < p.rows * p.cols; i += p.partials) {
    let magnitude = x[p.x_offset + (i / p.cols) * p.x_stride + i % p.cols] & 0x7fffffffu;
    let is_finite = magnitude < 0x7f800000u;
    most = max(most, select(0u, magnitude, is_finite)); // non-negative floats are ordered as their bits
    broken += select(1u, 0u, is_finite);
  }
  partial[unit] = vec2u(most, broken);
}

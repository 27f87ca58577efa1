// reduce, first stage: partial[i] = (sum |a - b|, sum |a|) over the work units i, i + partials, i + 2 partials, ... of
// the rows
//   a, b [rows, cols] f32; columns, offsets and strides count Vs; an invocation a partial sum
// Which elements meet in a sum depends on the shape alone, so the result is the same in every run and on every device
// with the same width.
// parts before this one: a width (V, sum_of), units (main)
struct Params {
  rows: u32, cols: u32, a_offset: u32, a_stride: u32,
  b_offset: u32, b_stride: u32, partials: u32,
}
@group(0) @binding(0) var<storage, read> a: array<V>;
@group(0) @binding(1) var<storage, read> b: array<V>;
@group(0) @binding(2) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_unit(unit: u32) {
  if (unit >= p.partials) {
    return;
  }
  var apart = V();
  var size = V();
  for (var i = unit; i < p.rows * p.cols; i += p.partials) {
    let row = i / p.cols;
    let c = i % p.cols;
    let value = a[p.a_offset + row * p.a_stride + c];
    apart += abs(value - b[p.b_offset + row * p.b_stride + c]);
    size += abs(value);
  }
  partial[unit] = vec2f(sum_of(apart), sum_of(size));
}

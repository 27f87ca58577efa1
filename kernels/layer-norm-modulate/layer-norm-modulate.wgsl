// layer_norm_modulate: y[r,:] = LN(x[r,:]) * (1 + modulation[m(r), scale..]) + modulation[m(r), shift..], LN without
// affine
//   x, y [rows, cols] f32; modulation: a table of rows of f32; columns, offsets and strides count Vs
//   m(r) comes from the part after this one: row 0 for all, or an index per row
// Variance by the corrected two-pass formula (Chan, Golub, LeVeque 1983): the second pass also sums the deviations from
// the first mean, which gives what rounding took from that mean; rows like 1e4 + noise then keep their digits.
// Lanes keep sums per component of V: shorter sums round less, and cost less than adding up each V.
// parts before this one: a width (V, sum_of), a row scheme (LANES, reduce_sum, main), inverse_root
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, modulation_stride: u32, shift_offset: u32,
  scale_offset: u32, index_offset: u32, count: f32, eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> modulation: array<V>;

fn process_row(row: u32, lane: u32) {
  let exists = row < p.rows;
  let cols = select(0u, p.cols, exists);
  let x_row = p.x_offset + row * p.x_stride;
  let y_row = p.y_offset + row * p.y_stride;
  let m_row = modulation_row(select(0u, row, exists)) * p.modulation_stride;
  var total = V();
  for (var c = lane; c < cols; c += LANES) {
    total += x[x_row + c];
  }
  let mean = reduce_sum(vec2f(sum_of(total), 0.0)).x / p.count;
  var deviations = V();
  var squares = V();
  for (var c = lane; c < cols; c += LANES) {
    let d = x[x_row + c] - mean;
    deviations += d;
    squares += d * d;
  }
  let rest = reduce_sum(vec2f(sum_of(deviations), sum_of(squares))) / p.count;
  // The variance is never below 0; max(..., 0.0) would turn the NaN of sums that overflowed into 0.
  let scale = inverse_root(rest.y - min(rest.x * rest.x, rest.y) + p.eps);
  for (var c = lane; c < cols; c += LANES) {
    let normed = ((x[x_row + c] - mean) - rest.x) * scale;
    y[y_row + c] = normed * (modulation[m_row + p.scale_offset + c] + 1.0) + modulation[m_row + p.shift_offset + c];
  }
}

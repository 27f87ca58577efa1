// softmax: y[r, c] = exp(x[r, c] - max) / sum over the columns that row r sees, 0 in the others
//   x, y [rows, cols] f32; columns, offsets and strides count Vs
//   row r belongs to query r % query_rows; under `causal` it sees columns 0 to query + causal_offset
//   a row that sees nothing is all zeros
// parts before this one: a width (V, sum_of), a row scheme (LANES, reduce_sum, main), reduce_max and max_of, where x
// comes from (x_at), and the key mask (is_shown)
struct Params {
  rows: u32,
  cols: u32,
  x_offset: u32,
  x_stride: u32,
  y_offset: u32,
  y_stride: u32,
  query_rows: u32,
  causal: u32,
  causal_offset: i32,
  mask_offset: u32,
}
@group(0) @binding(BINDING_Y) var<storage, read_write> y: array<V>;
@group(0) @binding(BINDING_PARAMS) var<uniform> p: Params;

const LOWEST = -3.40282346638528859812e+38f;

fn process_row(row: u32, lane: u32) {
  let cols = select(0u, p.cols, row < p.rows);
  var seen = cols;
  if (p.causal != 0u) {
    seen = min(cols, u32(max(i32(row % p.query_rows) + p.causal_offset + 1, 0)));
  }
  let x_row = p.x_offset + row * p.x_stride;
  let y_row = p.y_offset + row * p.y_stride;
  var most = V(LOWEST);
  for (var c = lane; c < seen; c += LANES) {
    most = max(most, select(V(LOWEST), x_at(x_row + c), is_shown(c)));
  }
  let top = reduce_max(max_of(most));
  var total = 0.0;
  for (var c = lane; c < seen; c += LANES) {
    let weight = select(V(0.0), exp(x_at(x_row + c) - top), is_shown(c));
    y[y_row + c] = weight;
    total += sum_of(weight);
  }
  let sum = reduce_sum(vec2f(total, 0.0)).x;
  let scale = select(0.0, 1.0 / sum, sum > 0.0);
  for (var c = lane; c < seen; c += LANES) {
    y[y_row + c] *= scale;
  }
  for (var c = seen + lane; c < cols; c += LANES) {
    y[y_row + c] = V(0.0);
  }
}

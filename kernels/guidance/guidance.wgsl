// guidance: y = negative + scale * (positive - negative); where RESCALE, each row times |positive| / |y|
//   positive, negative, y [rows, cols] f32; columns, offsets and strides count Vs
//   A row whose |y| is 0 stays 0 (the factor would be x / 0).
// parts before this one: a width (V, sum_of) and a row scheme (LANES, reduce_sum, main)
override RESCALE: bool = false;
struct Params {
  rows: u32, cols: u32, positive_offset: u32, positive_stride: u32,
  negative_offset: u32, negative_stride: u32, y_offset: u32, y_stride: u32,
  scale: f32,
}
@group(0) @binding(0) var<storage, read> positive: array<V>;
@group(0) @binding(1) var<storage, read> negative: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn combined(at_positive: u32, at_negative: u32) -> V {
  let away = negative[at_negative];
  return away + (positive[at_positive] - away) * p.scale;
}

fn process_row(row: u32, lane: u32) {
  let cols = select(0u, p.cols, row < p.rows);
  let positive_row = p.positive_offset + row * p.positive_stride;
  let negative_row = p.negative_offset + row * p.negative_stride;
  let y_row = p.y_offset + row * p.y_stride;
  var factor = 1.0;
  if (RESCALE) {
    var squares = vec2f();
    for (var c = lane; c < cols; c += LANES) {
      let towards = positive[positive_row + c];
      let both = combined(positive_row + c, negative_row + c);
      squares += vec2f(sum_of(towards * towards), sum_of(both * both));
    }
    squares = reduce_sum(squares);
    factor = select(0.0, sqrt(squares.x / squares.y), squares.y > 0.0);
  }
  for (var c = lane; c < cols; c += LANES) {
    y[y_row + c] = combined(positive_row + c, negative_row + c) * factor;
  }
}

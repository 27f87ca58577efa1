// reduce, second stage: result = (sum of partial[].x, sum of partial[].y) / count, both in result[offset ...]
// parts before this one: a width (not used), a row scheme (LANES, reduce_sum, main) with one row
struct Params { partials: u32, result_offset: u32, count: f32 }
@group(0) @binding(0) var<storage, read> partial: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_row(row: u32, lane: u32) {
  let end = select(0u, p.partials, row == 0u);
  var total = vec2f();
  for (var i = lane; i < end; i += LANES) {
    total += partial[i];
  }
  total = reduce_sum(total) / p.count;
  if (row == 0u && lane == 0u) {
    result[p.result_offset] = total.x;
    result[p.result_offset + 1u] = total.y;
  }
}

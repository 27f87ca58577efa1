// Input of any shape, element by element.
@group(0) @binding(0) var<storage, read> input: array<f32>;

// Eight channels from element `index` on, those of number `count` and beyond as zeros; count is at least 1.
fn input_eight(index: u32, count: u32) -> array<vec4f, 2> {
  var v = array<vec4f, 2>();
  for (var i = 0u; i < min(count, 8u); i++) {
    v[i >> 2u][i & 3u] = input[index + i];
  }
  return v;
}

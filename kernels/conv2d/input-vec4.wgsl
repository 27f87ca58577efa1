// Input whose channels and offset are multiples of 4.
@group(0) @binding(0) var<storage, read> input: array<vec4f>;

// Eight channels from element `index` on, those of number `count` and beyond as zeros; count is a multiple of 4.
fn input_eight(index: u32, count: u32) -> array<vec4f, 2> {
  let second = min(count, 8u) - 4u;
  return array(input[index >> 2u], select(vec4f(), input[(index + second) >> 2u], count > 4u));
}

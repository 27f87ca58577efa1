// Access width of 4: buffers are arrays of vec4f, and offsets, strides and columns count vec4s.
// For rows whose columns, strides and offsets are all multiples of 4.
alias V = vec4f;
fn sum_of(v: V) -> f32 {
  let pair = v.xy + v.zw;
  return pair.x + pair.y;
}

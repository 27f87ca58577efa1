fn max_of(v: V) -> f32 {
  let pair = max(v.xy, v.zw);
  return max(pair.x, pair.y);
}

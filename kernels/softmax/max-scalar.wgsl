fn max_of(v: V) -> f32 {
  return v;
}

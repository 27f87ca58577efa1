// silu(v) = v / (1 + exp(-v))
fn activate(v: V) -> V {
  return v / (exp(-v) + 1.0);
}

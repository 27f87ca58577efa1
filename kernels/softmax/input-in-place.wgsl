// x is y: each invocation reads only what it writes itself.
fn x_at(index: u32) -> V {
  return y[index];
}

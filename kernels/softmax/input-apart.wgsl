// x lies in a buffer of its own.
@group(0) @binding(BINDING_X) var<storage, read> x: array<V>;

fn x_at(index: u32) -> V {
  return x[index];
}

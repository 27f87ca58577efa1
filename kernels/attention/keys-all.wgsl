// Every key of the range may be seen.
@group(0) @binding(3) var<storage, read_write> out: array<T>;
@group(0) @binding(4) var<uniform> p: Params;
fn key_exists(key: u32) -> bool {
  return key < p.k_rows;
}

// Keys whose mask word is 0 may not be seen by any row; their k and v are never used, whatever they hold.
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<T>;
@group(0) @binding(5) var<uniform> p: Params;
fn key_exists(key: u32) -> bool {
  return key < p.k_rows && mask[p.mask_offset + min(key, p.k_rows - 1u)] != 0u;
}

// Keys whose mask word is 0 may not be seen by any row; their k and v are never used, whatever they hold.
@group(0) @binding(BINDING_MASK) var<storage, read> mask: array<u32>;

fn key_exists(key: u32) -> bool {
  return key < p.k_rows && mask[p.mask_offset + min(key, p.k_rows - 1u)] != 0u;
}

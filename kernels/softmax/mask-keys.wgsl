// A word per column; 0 hides it. Needs the width 1.
@group(0) @binding(BINDING_MASK) var<storage, read> mask: array<u32>;

fn is_shown(c: u32) -> bool {
  return mask[p.mask_offset + c] != 0u;
}

// A table of 16-bit floats, two to a word. Goes after float16-bits and a format (from_bits).
@group(0) @binding(0) var<storage, read> table: array<u32>;
fn table_at(element: u32) -> f32 {
  return from_bits((table[element / 2u] >> (16u * (element % 2u))) & 0xffffu);
}

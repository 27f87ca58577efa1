// cast, 16 bits to f32, exact: elements 2w and 2w + 1 of y from the low and high half of word w of x
// parts before this one: units (main), float16-bits, a narrow format (from_bits)
struct Params { count: u32, x_offset: u32, y_offset: u32 } // x_offset in words, y_offset in elements
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let first = 2u * unit;
  if (first >= p.count) {
    return;
  }
  let word = x[p.x_offset + unit];
  y[p.y_offset + first] = from_bits(word & 0xffffu);
  if (first + 1u < p.count) {
    y[p.y_offset + first + 1u] = from_bits(word >> 16u);
  }
}

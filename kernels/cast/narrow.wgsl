// cast, f32 to 16 bits: word w of y holds elements 2w (low half) and 2w + 1 of x, rounded to nearest even
//   An odd count leaves the last high half zero.
// parts before this one: units (main), float16-bits, a narrow format (to_bits)
struct Params { count: u32, x_offset: u32, y_offset: u32 } // x_offset in elements, y_offset in words
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let first = 2u * unit;
  if (first >= p.count) {
    return;
  }
  var word = to_bits(x[p.x_offset + first]);
  if (first + 1u < p.count) {
    word |= to_bits(x[p.x_offset + first + 1u]) << 16u;
  }
  y[p.y_offset + unit] = word;
}

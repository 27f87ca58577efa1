// Codes -127 ... 127; the scale is not theirs.
fn make_word(unit: u32) -> u32 {
  var word = 0u;
  for (var i = 0u; i < 4u; i++) {
    let code = i32((hash(4u * unit + i) >> 8u) % 255u) - 127;
    word |= (bitcast<u32>(code) & 0xffu) << (8u * i);
  }
  return word;
}

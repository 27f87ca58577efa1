fn make_word(unit: u32) -> u32 {
  let low = bitcast<u32>(value_at(2u * unit)) + 0x8000u;
  let high = bitcast<u32>(value_at(2u * unit + 1u)) + 0x8000u;
  return (low >> 16u) | (high & 0xffff0000u);
}

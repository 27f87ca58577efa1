fn make_word(unit: u32) -> u32 {
  return bitcast<u32>(value_at(unit));
}

fn make_word(unit: u32) -> u32 {
  return pack2x16float(vec2f(value_at(2u * unit), value_at(2u * unit + 1u)));
}

// The 16-bit format is binary16. Goes after float16-bits.
fn to_bits(value: f32) -> u32 {
  return f32_to_f16_bits(value);
}
fn from_bits(h: u32) -> f32 {
  return f16_bits_to_f32(h);
}

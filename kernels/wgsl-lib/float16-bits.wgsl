// 16-bit floats as bits: the same result on every device, subnormals, infinities and NaN included.
// (unpack2x16float may flush subnormals, and WGSL leaves pack2x16float's rounding open.)

// binary16 in the low half of `h` as f32; exact.
fn f16_bits_to_f32(h: u32) -> f32 {
  let sign = (h & 0x8000u) << 16u;
  let exponent = (h >> 10u) & 31u;
  let mantissa = h & 0x3ffu;
  let normal = ((exponent + 112u) << 23u) | (mantissa << 13u);
  let special = 0x7f800000u | (mantissa << 13u);
  let subnormal = bitcast<u32>(f32(mantissa) * 5.9604644775390625e-8); // 2^-24
  return bitcast<f32>(sign | select(select(normal, special, exponent == 31u), subnormal, exponent == 0u));
}

// f32 as binary16, to nearest, ties to even; beyond 65504 + half a step infinity, NaN stays NaN.
fn f32_to_f16_bits(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x47800000u) { // 2^16 and above, infinity, NaN
    return sign | select(0x7c00u, 0x7e00u, magnitude > 0x7f800000u);
  }
  if (magnitude >= 0x38800000u) { // normal numbers of binary16; a carry may run into the exponent, up to infinity
    return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
  }
  let exponent = magnitude >> 23u;
  if (exponent < 102u) { // below half of the least subnormal
    return sign;
  }
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  let shift = 126u - exponent; // 14 ... 24
  let kept = mantissa >> shift;
  let rest = mantissa & ((1u << shift) - 1u);
  let half = 1u << (shift - 1u);
  let up = rest > half || (rest == half && (kept & 1u) == 1u);
  return sign | (kept + select(0u, 1u, up));
}

// bfloat16 in the low half of `h` as f32; exact.
fn bf16_bits_to_f32(h: u32) -> f32 {
  return bitcast<f32>(h << 16u);
}

// f32 as bfloat16, to nearest, ties to even; NaN stays NaN.
fn f32_to_bf16_bits(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return (bits >> 16u) | 0x40u;
  }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

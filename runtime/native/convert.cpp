#include "convert.h"

#include <cstring>

namespace layerloom {

namespace {

float asFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t asBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Without branches, so that compilers vectorise the loops.
uint32_t f32OfF16(uint32_t code) {
  const uint32_t sign = (code & 0x8000u) << 16;
  const uint32_t magnitude = (code & 0x7fffu) << 13;
  const uint32_t exponent = magnitude & 0x0f800000u;
  // normal: rebias 15 to 127
  const uint32_t normal = magnitude + 0x38000000u;
  // infinity and NaN: exponent 255; NaNs are made quiet
  const uint32_t special = (magnitude + 0x70000000u) | ((magnitude & 0x007fffffu) ? 0x00400000u : 0u);
  // subnormal: the mantissa counts 2^-24
  const uint32_t subnormal = asBits(static_cast<float>(code & 0x3ffu) * asFloat(0x33800000u));
  const uint32_t value = exponent == 0x0f800000u ? special : exponent == 0 ? subnormal : normal;
  return sign | value;
}

uint16_t f16OfF32(uint32_t word) {
  const uint32_t sign = (word >> 16) & 0x8000u;
  const uint32_t magnitude = word & 0x7fffffffu;
  // normal: rebias 127 to 15 and round 13 bits away; a carry runs into the exponent, up to infinity
  const uint32_t rebased = magnitude - 0x38000000u;
  const uint32_t normal = (rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13;
  // subnormal: adding 0.5 moves the wanted bits to the bottom of the mantissa, rounded by the addition itself
  const uint32_t subnormal = asBits(asFloat(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t finite = magnitude >= 0x38800000u ? normal : subnormal;
  const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  return static_cast<uint16_t>(sign | (magnitude >= 0x47800000u ? special : finite));
}

uint16_t bf16OfF32(uint32_t word) {
  const uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
  const bool isNaN = (word & 0x7fffffffu) > 0x7f800000u;
  return static_cast<uint16_t>(isNaN ? (word >> 16) | 0x40u : rounded);
}

}  // namespace

void bf16ToF32(const uint16_t* codes, uint32_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint32_t>(codes[i]) << 16;
}

void f16ToF32(const uint16_t* codes, uint32_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = f32OfF16(codes[i]);
}

void f32ToF16(const uint32_t* words, uint16_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = f16OfF32(words[i]);
}

void f32ToBf16(const uint32_t* words, uint16_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = bf16OfF32(words[i]);
}

void bf16ToF16(const uint16_t* codes, uint16_t* out, size_t count) {
  for (size_t i = 0; i < count; ++i) out[i] = f16OfF32(static_cast<uint32_t>(codes[i]) << 16);
}

}  // namespace layerloom

// Bulk conversions of stored numbers. TypeScript twins: runtime/safetensors/convert.ts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace layerloom {

// All work on raw bits, so that a NaN's payload never goes through a float register.
void bf16ToF32(const uint16_t* codes, uint32_t* out, size_t count);
void f16ToF32(const uint16_t* codes, uint32_t* out, size_t count);
// Round to nearest, ties to even; NaN stays a quiet NaN; overflow gives infinity.
void f32ToF16(const uint32_t* words, uint16_t* out, size_t count);
void f32ToBf16(const uint32_t* words, uint16_t* out, size_t count);
void bf16ToF16(const uint16_t* codes, uint16_t* out, size_t count);

}  // namespace layerloom

// The native addon: mapped file windows and dtype conversions. Everything here has a TypeScript twin, so that nothing
// depends on it being built; runtime/node/native.ts declares its types.
#include <napi.h>

#include "convert.h"
#include "map-file.h"

namespace {

// Of runtime/node/native.ts: an addon of another version is not used.
constexpr int kVersion = 1;

// Typed arrays of Node 20 end at 4 GiB, and N-API refuses an external buffer of more.
constexpr double kMaxWindow = 4294901760.0;

Napi::Value mapFile(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsNumber())
    throw Napi::TypeError::New(env, "mapFile: expects path, offset, length");
  const std::string path = info[0].As<Napi::String>();
  const double offset = info[1].As<Napi::Number>().DoubleValue();
  const double length = info[2].As<Napi::Number>().DoubleValue();
  if (!(offset >= 0 && offset <= 9007199254740991.0 && length >= 1 && length <= kMaxWindow))
    throw Napi::RangeError::New(env, "mapFile: offset must be in 0..2^53-1 and length in 1..4 GiB - 64 KiB");
  layerloom::Window window;
  std::string error;
  if (!layerloom::mapWindow(path, static_cast<uint64_t>(offset), static_cast<size_t>(length), &window, &error))
    throw Napi::Error::New(env, "mapFile: " + path + ": " + error);
  auto* kept = new layerloom::Window(window);
  // Where this fails the finalizer has run already: unmapping here as well would unmap twice.
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, window.base, window.mappedLength,
                                                    [](Napi::Env, void*, layerloom::Window* done) {
                                                      layerloom::unmapWindow(*done);
                                                      delete done;
                                                    },
                                                    kept);
  return Napi::Uint8Array::New(env, static_cast<size_t>(length), buffer, window.skip);
}

// A typed array of one element type, as raw bits of type In.
template <typename In>
const In* elements(const Napi::CallbackInfo& info, napi_typedarray_type type, const char* name, size_t* count) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != type)
    throw Napi::TypeError::New(env, std::string(name) + ": expects one typed array of the right kind");
  Napi::TypedArray array = info[0].As<Napi::TypedArray>();
  *count = array.ElementLength();
  const uint8_t* data = static_cast<const uint8_t*>(array.ArrayBuffer().Data());
  return *count == 0 ? nullptr : reinterpret_cast<const In*>(data + array.ByteOffset());
}

template <void convert(const uint16_t*, uint32_t*, size_t)>
Napi::Value widen(const Napi::CallbackInfo& info) {
  size_t count = 0;
  const uint16_t* codes = elements<uint16_t>(info, napi_uint16_array, "widen", &count);
  Napi::Float32Array out = Napi::Float32Array::New(info.Env(), count);
  if (count > 0) convert(codes, reinterpret_cast<uint32_t*>(out.Data()), count);
  return out;
}

template <void convert(const uint32_t*, uint16_t*, size_t)>
Napi::Value narrow(const Napi::CallbackInfo& info) {
  size_t count = 0;
  const uint32_t* words = elements<uint32_t>(info, napi_float32_array, "narrow", &count);
  Napi::Uint16Array out = Napi::Uint16Array::New(info.Env(), count);
  if (count > 0) convert(words, out.Data(), count);
  return out;
}

Napi::Value recode(const Napi::CallbackInfo& info) {
  size_t count = 0;
  const uint16_t* codes = elements<uint16_t>(info, napi_uint16_array, "bf16ToF16", &count);
  Napi::Uint16Array out = Napi::Uint16Array::New(info.Env(), count);
  if (count > 0) layerloom::bf16ToF16(codes, out.Data(), count);
  return out;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("version", Napi::Number::New(env, kVersion));
  exports.Set("mapFile", Napi::Function::New(env, mapFile, "mapFile"));
  exports.Set("bf16ToF32", Napi::Function::New(env, widen<layerloom::bf16ToF32>, "bf16ToF32"));
  exports.Set("f16ToF32", Napi::Function::New(env, widen<layerloom::f16ToF32>, "f16ToF32"));
  exports.Set("f32ToF16", Napi::Function::New(env, narrow<layerloom::f32ToF16>, "f32ToF16"));
  exports.Set("f32ToBf16", Napi::Function::New(env, narrow<layerloom::f32ToBf16>, "f32ToBf16"));
  exports.Set("bf16ToF16", Napi::Function::New(env, recode, "bf16ToF16"));
  return exports;
}

NODE_API_MODULE(layerloom, init)

}  // namespace

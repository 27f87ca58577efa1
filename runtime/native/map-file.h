// Read-only windows of files in memory. TypeScript twin: FileSource without `map` (runtime/node/file-source.ts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace layerloom {

// A mapped window. `base` and `mappedLength` are what the system mapped (whole pages); the bytes asked for start
// `skip` bytes into it.
struct Window {
  void* base = nullptr;
  size_t mappedLength = 0;
  size_t skip = 0;
};

// Maps `length` bytes from `offset` on. On failure returns false and says why in `error`.
bool mapWindow(const std::string& path, uint64_t offset, size_t length, Window* window, std::string* error);

void unmapWindow(const Window& window);

}  // namespace layerloom

#include "map-file.h"

#ifdef _WIN32

namespace layerloom {

// Plain reads do as well on Windows; the TypeScript side falls back to them.
bool mapWindow(const std::string&, uint64_t, size_t, Window*, std::string* error) {
  *error = "files are not mapped on Windows";
  return false;
}

void unmapWindow(const Window&) {}

}  // namespace layerloom

#else

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace layerloom {

bool mapWindow(const std::string& path, uint64_t offset, size_t length, Window* window, std::string* error) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    *error = std::strerror(errno);
    return false;
  }
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    *error = "it is not a regular file";
    close(file);
    return false;
  }
  // a page beyond the end can be mapped, but touching it ends the process
  if (offset > static_cast<uint64_t>(status.st_size) || length > static_cast<uint64_t>(status.st_size) - offset) {
    *error = "the window reaches past the end of the file";
    close(file);
    return false;
  }
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  const size_t skip = static_cast<size_t>(offset - begin);
  void* base = mmap(nullptr, length + skip, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(begin));
  const int reason = errno;
  // the mapping stays when the file is closed
  close(file);
  if (base == MAP_FAILED) {
    *error = std::strerror(reason);
    return false;
  }
  madvise(base, length + skip, MADV_WILLNEED);
  *window = Window{base, length + skip, skip};
  return true;
}

void unmapWindow(const Window& window) {
  munmap(window.base, window.mappedLength);
}

}  // namespace layerloom

#endif

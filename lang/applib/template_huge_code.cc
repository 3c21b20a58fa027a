// SPDX-License-Identifier: Apache-2.0
//
// See the header. An image is what the linker has mapped of one file:
//
//     | headers r-- | code r-x | constants r-- | data rw- |
//     ^ begin                                  ^ end
//     |--------- 2 MiB --------|--------- 2 MiB --------|
//
// A huge page must lie in one mapping, so what is read-only becomes executable with the code, as linkers
// had it before they kept them apart. Where nothing lies before the image, its first huge page may begin
// there.
#include "template_huge_code.h"

#include <link.h>
#include <sys/mman.h>

#include "template_page_ranges.h"

namespace remuda::app {
namespace {

constexpr size_t kMostCode = size_t{16} << 20;

// The part of an image that is never written, up to its first segment that is; and of that its code.
struct Image {
  Range all;
  Range code;
};

Range pages_of(const dl_phdr_info& module, const ElfW(Phdr) & segment) {
  const uintptr_t begin = module.dlpi_addr + segment.p_vaddr;
  return {down(begin, kPage), up(begin + segment.p_memsz, kPage)};
}

Image image_of(const dl_phdr_info& module) {
  Image image;
  for (size_t i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = module.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const Range pages = pages_of(module, segment);
    if ((segment.p_flags & PF_W) != 0) {
      if (image.all.end > pages.begin) image.all.end = pages.begin;
      break;
    }
    if (image.all.end == 0) image.all.begin = pages.begin;
    image.all.end = pages.end;
    if ((segment.p_flags & PF_X) == 0) continue;
    if (image.code.end == 0) image.code.begin = pages.begin;
    image.code.end = pages.end;
  }
  return image;
}

// Only what is mapped can be read: between segments there may be holes.
bool copy_segments(const dl_phdr_info& module, const Range& from, char* to) {
  for (size_t i = 0; i < module.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = module.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_R) == 0 || (segment.p_flags & PF_W) != 0) continue;
    Range pages = pages_of(module, segment);
    if (pages.begin < from.begin) pages.begin = from.begin;
    if (pages.end > from.end) pages.end = from.end;
    if (pages.begin < pages.end && !copy_pages(pages, to + (pages.begin - from.begin))) return false;
  }
  return true;
}

bool move(const dl_phdr_info& module, const Range& range) {
  void* const copy = reserve_aligned(range.size());
  if (copy == nullptr) return false;
  madvise(copy, range.size(), MADV_HUGEPAGE);
  if (copy_segments(module, range, static_cast<char*>(copy)) && collapse(copy, range.size()) &&
      mprotect(copy, range.size(), PROT_READ | PROT_EXEC) == 0 && put(copy, range)) {
    name_code(range);
    return true;
  }
  munmap(copy, range.size());
  return false;
}

// Takes what lies between an address and the image, if nothing does.
bool claim(uintptr_t begin, uintptr_t end) {
  void* const wanted = at(begin);
  void* const got = mmap(wanted, end - begin, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (got == wanted) return true;
  if (got != MAP_FAILED) munmap(got, end - begin);  // a kernel that does not know the flag
  return false;
}

// What of an image is moved: whole huge pages with code in them.
Range worth_moving(const Image& image, size_t most) {
  Range range{down(image.code.begin, kHugePage), down(image.all.end, kHugePage)};
  const uintptr_t last = up(image.code.end, kHugePage);
  if (range.end > last) range.end = last;
  if (range.begin < range.end && range.size() > most) range.end = range.begin + down(most, kHugePage);
  return range;
}

int move_image(dl_phdr_info* module, size_t /*size*/, void* left) {
  auto& most = *static_cast<size_t*>(left);
  const Image image = image_of(*module);
  if (image.code.end == 0) return 0;
  Range range = worth_moving(image, most);
  if (range.begin >= range.end) return 0;
  const Range before{range.begin, image.all.begin};
  const bool claimed = before.begin < before.end && claim(before.begin, before.end);
  if (before.begin < before.end && !claimed) range.begin = up(image.all.begin, kHugePage);
  if (range.begin >= range.end) return 0;
  if (move(*module, range)) {
    most -= range.size();
  } else if (claimed) {
    munmap(at(before.begin), before.size());
  }
  return 0;
}

}  // namespace

void move_code() {
  size_t most = kMostCode;
  dl_iterate_phdr(&move_image, &most);
}

}  // namespace remuda::app

// SPDX-License-Identifier: Apache-2.0
//
// See the header.
//
//     addresses   | heap |      | variables |          | arenas    |
//                    |              \                   /
//     memory      | heap | variables | arenas    |              in whole huge pages
//
// Between the copy and the exchange this thread writes to nothing but its stack, which is not moved.
#include "template_data_pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "template_page_ranges.h"

namespace remuda::app {
namespace {

constexpr size_t kMostData = size_t{64} << 20;
constexpr size_t kLeastPiece = size_t{64} << 10;
constexpr size_t kMostPieces = 64;  // more are left as they are

// One entry of /proc/self/smaps.
struct Mapping {
  Range range;
  size_t written = 0;        // bytes of it that are this process's own
  bool is_writable = false;  // and private
};

struct Pieces {
  Range of[kMostPieces];
  size_t first = 0;  // those before it are taken
  size_t count = 0;
  size_t size = 0;  // of all
};

bool is_alone() {
  DIR* const tasks = opendir("/proc/self/task");
  size_t count = 0;
  while (tasks != nullptr && readdir(tasks) != nullptr) ++count;
  if (tasks != nullptr) closedir(tasks);
  return count == 3;  // "." and ".." are two of them
}

// Has been mapped without wishes: mremap() would lose them.
bool has_usual_flags(const char* flags) {
  constexpr char kUsual[] = "rd wr mr mw me ac nr sd ";
  char flag[4] = "";
  int size = 0;
  for (; sscanf(flags, "%2s%n", flag, &size) == 1; flags += size) {
    strcat(flag, " ");
    if (strstr(kUsual, flag) == nullptr) return false;
  }
  return true;
}

// Takes a line of an entry. true: it was the last one.
bool read_line(const char* line, Mapping& mapping) {
  unsigned long begin = 0;
  unsigned long end = 0;
  unsigned long size = 0;
  char permissions[5] = "";
  if (sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) == 3) {
    mapping = {.range = {begin, end}, .is_writable = strcmp(permissions, "rw-p") == 0};
  } else if (sscanf(line, "Anonymous: %lu kB", &size) == 1) {
    mapping.written = size * 1024;
  } else if (strncmp(line, "VmFlags:", 8) == 0) {
    mapping.is_writable = mapping.is_writable && has_usual_flags(line + 8);
    return true;
  }
  return false;
}

// Whether a copy is worth the memory that untouched pages of it would take.
bool is_full_enough(const Mapping& mapping) {
  const size_t size = mapping.range.size();
  const size_t untouched = size - mapping.written;
  return mapping.written >= kLeastPiece && mapping.written >= size / 4 &&
         (untouched < kHugePage || untouched <= size / 4);
}

// The stack of this thread is written all the time; what lies beside errno (rseq) the kernel writes as a
// thread changes its processor.
bool is_in_use(const Range& range) {
  const char here = 0;
  return range.has(&here) || range.has(&errno);
}

void add(const Mapping& mapping, Pieces& pieces) {
  const size_t size = mapping.range.size();
  if (!is_full_enough(mapping) || is_in_use(mapping.range) || pieces.size + size > kMostData ||
      pieces.count == kMostPieces) {
    return;
  }
  pieces.of[pieces.count++] = mapping.range;
  pieces.size += size;
}

// What lies side by side becomes one piece.
void find(Pieces& pieces) {
  FILE* const entries = fopen("/proc/self/smaps", "re");
  if (entries == nullptr) return;
  char line[512];
  Mapping mapping;
  Mapping joined;
  while (fgets(line, sizeof(line), entries) != nullptr) {
    if (!read_line(line, mapping) || !mapping.is_writable) continue;
    if (joined.range.end == mapping.range.begin) {
      joined.range.end = mapping.range.end;
      joined.written += mapping.written;
    } else {
      add(joined, pieces);
      joined = mapping;
    }
  }
  add(joined, pieces);
  fclose(entries);
}

// So much as fills huge pages, the last one at least by half.
void cut(Pieces& pieces) {
  const size_t size = down(pieces.size + kHugePage / 2, kHugePage);
  while (pieces.size > size) {
    Range& last = pieces.of[pieces.count - 1];
    const size_t surplus = pieces.size - size;
    const size_t less = surplus < last.size() ? surplus : last.size();
    last.end -= less;
    pieces.size -= less;
    if (last.size() == 0) --pieces.count;
  }
}

// Through the kernel, which refuses what cannot be read: a file may have become shorter than its mapping. Such
// a piece stays where it is. And no sanitizer looks at what it has put between variables.
void copy(Pieces& pieces, char* to) {
  const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  size_t kept = 0;
  for (size_t i = 0; memory >= 0 && i < pieces.count; ++i) {
    const Range piece = pieces.of[i];
    const ssize_t size = pread(memory, to, piece.size(), static_cast<off_t>(piece.begin));
    if (size != static_cast<ssize_t>(piece.size())) continue;
    pieces.of[kept++] = piece;
    to += size;
  }
  pieces.count = kept;
  if (memory >= 0) close(memory);
}

void exchange(const Pieces& pieces, char* with) {
  for (size_t i = 0; i < pieces.count; ++i) {
    const Range& piece = pieces.of[i];
    mremap(with, piece.size(), piece.size(), MREMAP_MAYMOVE | MREMAP_FIXED, at(piece.begin));
    with += piece.size();
  }
}

// Takes as much of them as goes into a huge page.
Pieces take(Pieces& pieces) {
  Pieces taken;
  while (pieces.size != 0 && taken.size < kHugePage) {
    Range& first = pieces.of[pieces.first];
    const size_t room = kHugePage - taken.size;
    const size_t size = first.size() < room ? first.size() : room;
    taken.of[taken.count++] = {first.begin, first.begin + size};
    taken.size += size;
    first.begin += size;
    pieces.size -= size;
    if (first.size() == 0) ++pieces.first;
  }
  return taken;
}

// One huge page after the other: where memory is limited there is hardly room for two of everything. What was
// side by side is so again, and one mapping.
void move(Pieces& pieces, char* to) {
  while (pieces.size != 0) {
    Pieces page = take(pieces);
    copy(page, to);
    if (madvise(to, kHugePage, MADV_COLLAPSE) != 0) return;
    exchange(page, to);
    to += kHugePage;
  }
}

}  // namespace

void gather_data() {
  Pieces pieces;
  if (!is_alone()) return;
  find(pieces);
  cut(pieces);
  const size_t size = up(pieces.size, kHugePage);
  auto* const memory = static_cast<char*>(size == 0 ? nullptr : reserve_aligned(size));
  if (memory == nullptr) return;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  move(pieces, memory);
  munmap(memory, size);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace remuda::app

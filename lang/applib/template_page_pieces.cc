// SPDX-License-Identifier: Apache-2.0
//
// See the header.
//
//     addresses   | heap |      | variables |          | arenas    |      | code |
//                    |              \                   /                 /
//     memory      | heap | variables | arenas    | code |        in whole huge pages
//
// Between the copy and the exchange this thread writes to nothing but its stack, which is not moved.
#include "template_page_pieces.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "template_page_ranges.h"

namespace remuda::app {
namespace {

constexpr size_t kMost = size_t{64} << 20;
constexpr size_t kLeastPiece = size_t{16} << 10;
constexpr size_t kMostPieces = 256;  // more are left as they are
constexpr size_t kThreadsOwn = size_t{16} << 10;

enum class Kind : uint8_t { kOther, kData, kCode };

// One entry of /proc/self/smaps, or several of data side by side.
struct Mapping {
  Range range;
  Kind kind = Kind::kOther;
  size_t present = 0;  // bytes: of data what is this process's own, of code what is in memory
};

struct Piece {
  Range range;
  Kind kind = Kind::kOther;
};

struct Pieces {
  Piece of[kMostPieces];
  size_t first = 0;  // those before it are taken
  size_t count = 0;
  size_t size = 0;  // of all, bytes
};

bool is_alone() {
  DIR* const tasks = opendir("/proc/self/task");
  size_t count = 0;
  while (tasks != nullptr && readdir(tasks) != nullptr) ++count;
  if (tasks != nullptr) closedir(tasks);
  return count == 3;  // "." and ".." are two of them
}

Kind kind_of(const char* permissions, bool has_file) {
  if (strcmp(permissions, "rw-p") == 0) return Kind::kData;
  return has_file && strcmp(permissions, "r-xp") == 0 ? Kind::kCode : Kind::kOther;
}

// Has been mapped without wishes: an exchange would lose them.
bool has_usual_flags(const char* flags) {
  constexpr char kUsual[] = "rd wr ex mr mw me ac nr sd ";
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
    mapping = {.range = {begin, end}, .kind = kind_of(permissions, strchr(line, '/') != nullptr)};
  } else if (sscanf(line, mapping.kind == Kind::kCode ? "Rss: %lu kB" : "Anonymous: %lu kB", &size) == 1) {
    mapping.present = size * 1024;
  } else if (strncmp(line, "VmFlags:", 8) == 0) {
    if (!has_usual_flags(line + 8)) mapping.kind = Kind::kOther;
    return true;
  }
  return false;
}

// Whether a copy is worth the memory that the rest of it would take.
bool is_full_enough(const Mapping& mapping) {
  const size_t size = mapping.range.size();
  const size_t rest = size - mapping.present;
  return mapping.present >= kLeastPiece && mapping.present >= size / 4 &&
         (rest < kHugePage || rest <= size / 4);
}

void add_piece(Range range, Kind kind, Pieces& pieces) {
  const size_t room = kMost - pieces.size;
  if (range.begin >= range.end || room == 0 || pieces.count == kMostPieces) return;
  if (range.size() > room) range.end = range.begin + room;
  pieces.of[pieces.count++] = {range, kind};
  pieces.size += range.size();
}

// But for what is written meanwhile: the stack of this thread, of which main()'s has a flag of its own, and
// what the kernel tells each thread as it changes its processor (rseq), which lies beside errno.
void add(const Mapping& mapping, Pieces& pieces) {
  const auto& [range, kind, present] = mapping;
  const char here = 0;
  if (kind == Kind::kOther || !is_full_enough(mapping) || range.has(&here)) return;
  const auto own = reinterpret_cast<uintptr_t>(&errno);
  if (range.has(&errno)) {
    add_piece({range.begin, down(own - kThreadsOwn, kPage)}, kind, pieces);
    add_piece({up(own + kThreadsOwn, kPage), range.end}, kind, pieces);
  } else {
    add_piece(range, kind, pieces);
  }
}

// Data that lies side by side becomes one piece.
void find(Pieces& pieces) {
  FILE* const entries = fopen("/proc/self/smaps", "re");
  if (entries == nullptr) return;
  char line[512];
  Mapping mapping;
  Mapping last;
  while (fgets(line, sizeof(line), entries) != nullptr) {
    if (!read_line(line, mapping)) continue;
    if (mapping.kind == Kind::kData && last.kind == Kind::kData && mapping.range.begin == last.range.end) {
      last.range.end = mapping.range.end;
      last.present += mapping.present;
    } else {
      add(last, pieces);
      last = mapping;
    }
  }
  add(last, pieces);
  fclose(entries);
}

// So much as fills huge pages, the last one at least by half.
void cut(Pieces& pieces) {
  const size_t size = down(pieces.size + kHugePage / 2, kHugePage);
  while (pieces.size > size) {
    Range& last = pieces.of[pieces.count - 1].range;
    const size_t surplus = pieces.size - size;
    const size_t less = surplus < last.size() ? surplus : last.size();
    last.end -= less;
    pieces.size -= less;
    if (last.size() == 0) --pieces.count;
  }
}

// Takes as much of them as goes into a huge page.
Pieces take(Pieces& pieces) {
  Pieces taken;
  while (pieces.size != 0 && taken.size < kHugePage) {
    auto& [range, kind] = pieces.of[pieces.first];
    const size_t room = kHugePage - taken.size;
    const size_t size = range.size() < room ? range.size() : room;
    taken.of[taken.count++] = {{range.begin, range.begin + size}, kind};
    taken.size += size;
    range.begin += size;
    pieces.size -= size;
    if (range.size() == 0) ++pieces.first;
  }
  return taken;
}

// A piece that cannot be copied stays where it is.
void copy(Pieces& pieces, char* to) {
  size_t kept = 0;
  for (size_t i = 0; i < pieces.count; ++i) {
    const Piece piece = pieces.of[i];
    if (!copy_pages(piece.range, to)) continue;
    pieces.of[kept++] = piece;
    to += piece.range.size();
  }
  pieces.count = kept;
}

void exchange(const Pieces& pieces, char* with) {
  for (size_t i = 0; i < pieces.count; ++i) {
    const auto& [range, kind] = pieces.of[i];
    const bool is_code = kind == Kind::kCode;
    const bool may = !is_code || mprotect(with, range.size(), PROT_READ | PROT_EXEC) == 0;
    if (may && put(with, range) && is_code) name_code(range);
    with += range.size();
  }
}

// One huge page after the other: where memory is limited there is hardly room for two of everything. What was
// side by side is so again, and one mapping.
void move(Pieces& pieces, char* to) {
  while (pieces.size != 0) {
    Pieces page = take(pieces);
    copy(page, to);
    if (!collapse(to, kHugePage)) return;  // what stands beside errno is not moved
    exchange(page, to);
    to += kHugePage;
  }
}

}  // namespace

void gather_pieces() {
  Pieces pieces;
  if (kIsSanitized || !is_alone()) return;
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

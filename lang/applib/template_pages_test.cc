// SPDX-License-Identifier: Apache-2.0
//
// What is moved into huge pages is what it was before, for this process and its forks. Where the kernel gives
// no huge pages there is nothing to be seen.
#include "template_pages.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "template_page_ranges.h"

namespace remuda::app {
namespace {

constexpr size_t kSize = 4 * kHugePage;

bool kernel_gives_huge_pages() {
  void* const memory = reserve_aligned(kHugePage);
  if (memory == nullptr) return false;
  memset(memory, 1, kHugePage);
  const bool given = collapse(memory, kHugePage);
  munmap(memory, kHugePage);
  return given;
}

void fill(char* memory, size_t size) {
  for (size_t i = 0; i < size; i += kPage) memory[i] = static_cast<char>(1 + i / kPage % 100);
}

bool is_filled(const char* memory, size_t size) {
  for (size_t i = 0; i < size; i += kPage) {
    if (memory[i] != static_cast<char>(1 + i / kPage % 100)) return false;
  }
  return true;
}

// Private memory of a file, which it can be told from: what is moved has no name any more.
char* map_file(size_t size, size_t size_of_file) {
  const int file = memfd_create("moved?", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(size_of_file)) != 0) return nullptr;
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  close(file);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

// Looks in the middle: the ends may be beside what stays.
bool is_moved(const char* memory, size_t size) {
  const char* const address = memory + size / 2;
  std::ifstream entries("/proc/self/maps");
  std::string line;
  while (std::getline(entries, line)) {
    Range range;
    if (sscanf(line.c_str(), "%lx-%lx", &range.begin, &range.end) == 2 && range.has(address)) {
      return line.find("moved?") == std::string::npos;
    }
  }
  return false;
}

// In a process of its own, which moves what it has. 0: good; else the number of what was not.
template <class Look>
int in_a_process(const Look& look) {
  const pid_t pid = fork();
  if (pid == 0) _exit(look());
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

#define NEEDS_HUGE_PAGES()                                                 \
  if (kIsSanitized) GTEST_SKIP() << "data is not moved under a sanitizer"; \
  if (!kernel_gives_huge_pages()) GTEST_SKIP() << "the kernel gives no huge pages"

TEST(TemplatePages, DataStaysWhatItWas) {
  NEEDS_HUGE_PAGES();
  EXPECT_EQ(in_a_process([] {
              char* const mapped = map_file(kSize, kSize);
              auto* const allocated = static_cast<char*>(malloc(kSize / 64));
              if (mapped == nullptr || allocated == nullptr) return 1;
              fill(mapped, kSize);
              fill(allocated, kSize / 64);
              move_to_huge_pages();
              if (!is_moved(mapped, kSize)) return 2;
              if (!is_filled(mapped, kSize) || !is_filled(allocated, kSize / 64)) return 3;
              const int in_fork = in_a_process([=] {
                mapped[kPage] = 77;
                free(allocated);
                return is_filled(mapped, kPage) && mapped[kPage] == 77 ? 0 : 1;
              });
              if (in_fork != 0) return 4;
              mapped[0] = 78;  // and the fork's writes are the fork's
              return mapped[kPage] == 2 && is_filled(mapped + kPage * 100, kPage * 100) ? 0 : 5;
            }),
            0);
}

TEST(TemplatePages, TheHeapGrowsOn) {
  EXPECT_EQ(in_a_process([] {
              std::string text;
              for (int i = 0; i < 2000; ++i) text += std::to_string(i) + std::string(1000, 'x');
              move_to_huge_pages();
              const std::string before = text;
              for (int i = 0; i < 5000; ++i) text += std::to_string(i) + std::string(1000, 'y');
              return text.starts_with(before) && text.ends_with("y") ? 0 : 1;
            }),
            0);
}

TEST(TemplatePages, WhatIsHardlyThereIsNotFilledUp) {
  EXPECT_EQ(in_a_process([] {
              char* const memory = map_file(16 * kHugePage, 16 * kHugePage);
              if (memory == nullptr) return 1;
              fill(memory + 3 * kHugePage, kHugePage);
              move_to_huge_pages();
              return is_moved(memory, 16 * kHugePage) ? 2 : 0;
            }),
            0);
}

TEST(TemplatePages, SomeOfVeryMuchIsMoved) {
  NEEDS_HUGE_PAGES();
  EXPECT_EQ(in_a_process([] {
              constexpr size_t kMuch = 40 * kHugePage;
              char* const memory = map_file(kMuch, kMuch);
              if (memory == nullptr) return 1;
              fill(memory, kMuch);
              move_to_huge_pages();
              if (!is_moved(memory, kMuch / 2) || is_moved(memory + kMuch - kSize, kSize)) return 2;
              return is_filled(memory, kMuch) ? 0 : 3;
            }),
            0);
}

TEST(TemplatePages, WhatIsMappedWithAWishStays) {
  EXPECT_EQ(in_a_process([] {
              char* const memory = map_file(kSize, kSize);
              if (memory == nullptr) return 1;
              fill(memory, kSize);
              if (madvise(memory, kSize, MADV_DONTFORK) != 0) return 2;
              move_to_huge_pages();
              return is_moved(memory, kSize) ? 3 : 0;
            }),
            0);
}

TEST(TemplatePages, AFileMayHaveBecomeShorter) {
  NEEDS_HUGE_PAGES();
  EXPECT_EQ(in_a_process([] {
              char* const cut = map_file(kSize, kSize / 2);
              char* const whole = map_file(kSize, kSize);
              if (cut == nullptr || whole == nullptr) return 1;
              fill(cut, kSize / 2);
              fill(whole, kSize);
              munmap(whole, kPage);  // they may lie side by side
              munmap(whole + kSize - kPage, kPage);
              move_to_huge_pages();
              if (is_moved(cut, kSize)) return 2;
              return is_moved(whole, kSize) && is_filled(cut, kSize / 2) ? 0 : 3;
            }),
            0);
}

TEST(TemplatePages, DataStaysWhileThreadsRun) {
  EXPECT_EQ(in_a_process([] {
              char* const memory = map_file(kSize, kSize);
              if (memory == nullptr) return 1;
              fill(memory, kSize);
              pthread_t thread{};
              const auto wait = [](void*) -> void* {
                pause();
                return nullptr;
              };
              if (pthread_create(&thread, nullptr, wait, nullptr) != 0) return 2;
              move_to_huge_pages();
              return is_moved(memory, kSize) ? 3 : 0;
            }),
            0);
}

TEST(TemplatePages, CodeRunsOnAndIsNotWritable) {
  EXPECT_EQ(in_a_process([] {
              move_to_huge_pages();
              std::ifstream entries("/proc/self/maps");
              std::string line;
              while (std::getline(entries, line)) {
                if (line.find(" rwx") != std::string::npos) return 1;
              }
              std::ostringstream words;  // runs code of this program and of its libraries
              words << 1.5 << " " << std::string(100, 'x');
              if (words.str().size() != 104) return 2;
              return in_a_process([] { return std::stoi("23") == 23 ? 0 : 1; });
            }),
            0);
}

TEST(TemplatePages, NothingIsMovedWhereNobodyWants) {
  EXPECT_EQ(in_a_process([] {
              setenv("REMUDA_HUGE_PAGES", "no", 1);
              char* const memory = map_file(kSize, kSize);
              if (memory == nullptr) return 1;
              fill(memory, kSize);
              move_to_huge_pages();
              return is_moved(memory, kSize) ? 2 : 0;
            }),
            0);
}

}  // namespace
}  // namespace remuda::app

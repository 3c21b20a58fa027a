// SPDX-License-Identifier: Apache-2.0
//
// What is moved into huge pages is what it was before, for this process and its forks. Where the kernel gives
// no huge pages there is nothing to be seen.
#include "template_pages.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace remuda::app {
namespace {

constexpr size_t kHuge = size_t{2} << 20;

// A megabyte of zeros would be one page for the kernel that shares such; each page is its own.
char* filled_pages(size_t size) {
  auto* const memory =
      static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return nullptr;
  for (size_t at = 0; at < size; at += 4096) memory[at] = static_cast<char>(at / 4096);
  return memory;
}

bool are_filled(const char* memory, size_t size) {
  for (size_t at = 0; at < size; at += 4096) {
    if (memory[at] != static_cast<char>(at / 4096)) return false;
  }
  return true;
}

bool kernel_gives_huge_pages() {
  char* const memory = filled_pages(2 * kHuge);
  if (memory == nullptr) return false;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + kHuge - 1) & ~(kHuge - 1);
  const bool given = madvise(reinterpret_cast<void*>(begin), kHuge, MADV_COLLAPSE) == 0;
  munmap(memory, 2 * kHuge);
  return given;
}

// KiB of huge pages in the mapping that an address lies in, and what it may be used for: "r-xp".
struct Found {
  long huge = 0;
  std::string permissions;
};
Found look_at(const void* address) {
  std::ifstream entries("/proc/self/smaps");
  std::string line;
  bool here = false;
  Found found;
  while (std::getline(entries, line)) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char permissions[5] = "";
    if (sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, permissions) == 3) {
      here = begin <= reinterpret_cast<uintptr_t>(address) && reinterpret_cast<uintptr_t>(address) < end;
      if (here) found.permissions = permissions;
    }
    if (here && line.starts_with("AnonHugePages:")) std::istringstream(line.substr(14)) >> found.huge;
  }
  return found;
}

// In a process of its own, which moves what it has. 0: good; else the number of the line that was not.
template <class Look>
int in_a_process(const char* wish, const Look& look) {
  const pid_t pid = fork();
  if (pid == 0) {
    wish == nullptr ? unsetenv("REMUDA_HUGE_PAGES") : setenv("REMUDA_HUGE_PAGES", wish, 1);
    _exit(look());
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

TEST(TemplatePages, DataStaysWhatItWas) {
  if (!kernel_gives_huge_pages()) GTEST_SKIP() << "the kernel gives no huge pages";
  EXPECT_EQ(in_a_process(nullptr,
                         [] {
                           constexpr size_t kSize = 4 * kHuge;
                           char* const memory = filled_pages(kSize);
                           if (memory == nullptr) return 1;
                           if (look_at(memory).huge != 0) return 2;
                           move_to_huge_pages();
                           if (look_at(memory).huge == 0) return 3;
                           if (!are_filled(memory, kSize)) return 4;
                           const pid_t pid = fork();
                           if (pid == 0) {
                             memory[4096] = 77;
                             _exit(are_filled(memory, 4096) && memory[4096] == 77 ? 0 : 1);
                           }
                           int status = -1;
                           waitpid(pid, &status, 0);
                           if (status != 0) return 5;
                           return are_filled(memory, kSize) ? 0 : 6;
                         }),
            0);
}

TEST(TemplatePages, DataThatIsHardlyThereIsNotFilledUp) {
  EXPECT_EQ(in_a_process(nullptr,
                         [] {
                           void* const memory = mmap(nullptr, 16 * kHuge, PROT_READ | PROT_WRITE,
                                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                           if (memory == MAP_FAILED) return 1;
                           static_cast<char*>(memory)[3 * kHuge] = 1;
                           move_to_huge_pages();
                           return look_at(memory).huge == 0 ? 0 : 2;
                         }),
            0);
}

TEST(TemplatePages, CodeRunsOnAndIsNotWritable) {
  if (!kernel_gives_huge_pages()) GTEST_SKIP() << "the kernel gives no huge pages";
  EXPECT_EQ(in_a_process(nullptr,
                         [] {
                           move_to_huge_pages();
                           std::ifstream entries("/proc/self/smaps");
                           std::string line;
                           std::string permissions;
                           while (std::getline(entries, line)) {
                             if (line.find('-') < 20 && line.find(" r") != std::string::npos)
                               permissions = line;
                             if (permissions.find("wx") != std::string::npos) return 1;
                           }
                           std::ostringstream words;  // runs code of this program and of its libraries
                           words << 1.5 << " " << std::string(100, 'x');
                           if (words.str().size() != 104) return 2;
                           const pid_t pid = fork();
                           if (pid == 0) _exit(std::stoi("23") == 23 ? 0 : 1);
                           int status = -1;
                           waitpid(pid, &status, 0);
                           return status == 0 ? 0 : 3;
                         }),
            0);
}

TEST(TemplatePages, NothingIsMovedWhereNobodyWants) {
  EXPECT_EQ(in_a_process("no",
                         [] {
                           char* const memory = filled_pages(4 * kHuge);
                           if (memory == nullptr) return 1;
                           move_to_huge_pages();
                           return look_at(memory).huge == 0 ? 0 : 2;
                         }),
            0);
}

}  // namespace
}  // namespace remuda::app

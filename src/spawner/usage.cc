// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string>

#include "base/fd.h"

namespace remuda::spawner {

namespace {

// 0, or errno.
int read_file(pid_t pid, const char* name, std::span<char> room, std::string_view& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const base::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno;
  const ssize_t got = read(file.get(), room.data(), room.size());
  if (got < 0) return errno;
  text = {room.data(), static_cast<size_t>(got)};
  return 0;
}

uint64_t number_in(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "Pss:    295 kB" at the beginning of a line.
uint64_t bytes_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(name)) return number_in(line.substr(name.size())) * 1024;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return 0;
}

}  // namespace

void read_memory(std::string_view smaps_rollup, Measured& measured) {
  measured.resident = bytes_of(smaps_rollup, "Rss:");
  measured.proportional = bytes_of(smaps_rollup, "Pss:");
  measured.unique = bytes_of(smaps_rollup, "Private_Clean:") + bytes_of(smaps_rollup, "Private_Dirty:") +
                    bytes_of(smaps_rollup, "Private_Hugetlb:");
}

// "pid (name) state parent group session tty tpgid flags minflt cminflt majflt cmajflt utime stime ...": the
// name may hold anything.
void read_processor_time(std::string_view stat, long ticks_per_second, Measured& measured) {
  constexpr int kFieldsBetween = 12;  // the name and utime
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || ticks_per_second <= 0) return;
  stat.remove_prefix(name_end + 1);
  for (int i = 0; i < kFieldsBetween; ++i) {
    const size_t space = stat.find(' ');
    if (space == std::string_view::npos) return;
    stat.remove_prefix(space + 1);
  }
  const uint64_t user = number_in(stat);
  const uint64_t system = number_in(stat.substr(std::min(stat.find(' '), stat.size())));
  const auto ticks = static_cast<uint64_t>(ticks_per_second);
  measured.user_us = static_cast<int64_t>(user * 1'000'000 / ticks);
  measured.system_us = static_cast<int64_t>(system * 1'000'000 / ticks);
}

Measured measure(pid_t pid) {
  Measured measured;
  std::array<char, 4096> room;
  std::string_view text;
  measured.error = read_file(pid, "stat", room, text);
  if (measured.error == ENOENT) measured.error = ESRCH;
  if (measured.error != 0) return measured;
  read_processor_time(text, sysconf(_SC_CLK_TCK), measured);
  measured.error = read_file(pid, "smaps_rollup", room, text);
  if (measured.error == ENOENT) measured.error = 0;  // a kernel without it: memory is not known
  if (measured.error == 0) read_memory(text, measured);
  return measured;
}

}  // namespace remuda::spawner

// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/stat counts in ticks of 10 ms, which is coarse for what answers in microseconds; a thread's
// schedstat counts in nanoseconds. The larger of both is the process's own: stat knows threads that have
// ended.
#include "cli/advise/process_tree.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <memory>
#include <string>

#include "cli/advise/file_text.h"
#include "spawner/usage.h"

namespace remuda::cli::advise {
namespace {

// The entries of a directory of /proc that are numbers.
std::vector<pid_t> numbers_in(const std::string& directory) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> open(
      ::opendir(directory.c_str()));
  while (const dirent* const entry = open ? ::readdir(open.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  return numbers;
}

// "nanoseconds on a processor, nanoseconds waited, times": of all threads that live.
Micros scheduled(pid_t pid) {
  uint64_t nanoseconds = 0;
  for (const pid_t thread : numbers_in(fmt::format("/proc/{}/task", pid))) {
    const std::string text = file_text(fmt::format("/proc/{}/task/{}/schedstat", pid, thread));
    uint64_t each = 0;
    std::from_chars(text.data(), text.data() + text.size(), each);
    nanoseconds += each;
  }
  return Micros(nanoseconds / 1000);
}

Process process_of(pid_t pid) {
  return read_stat(file_text(fmt::format("/proc/{}/stat", pid)), ::sysconf(_SC_CLK_TCK));
}

}  // namespace

Process read_stat(std::string_view stat, long ticks_per_second) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || ticks_per_second <= 0) return {};
  Process process;
  std::from_chars(stat.data(), stat.data() + stat.size(), process.pid);
  std::string_view rest = stat.substr(name_end + 1);
  // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime
  std::array<int64_t, 15> fields{};
  for (int64_t& field : fields) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view word = rest.substr(0, rest.find(' '));
    std::from_chars(word.data(), word.data() + word.size(), field);
    rest.remove_prefix(word.size());
  }
  const auto time = [&](size_t first) {
    return Micros((fields[first] + fields[first + 1]) * 1'000'000 / ticks_per_second);
  };
  process.parent = static_cast<pid_t>(fields[1]);
  process.own = time(11);
  process.children = time(13);
  return process;
}

std::vector<Process> process_tree(pid_t supervisor) {
  std::vector<Process> all;
  for (const pid_t pid : numbers_in("/proc")) all.push_back(process_of(pid));
  std::vector<Process> tree;
  for (const Process& each : all) {
    if (each.pid == supervisor) tree.push_back(each);
  }
  for (size_t i = 0; i < tree.size(); ++i) {
    tree[i].place = i == 0                         ? Place::kSupervisor
                    : tree[i].parent == supervisor ? Place::kServer
                                                   : Place::kApplication;
    tree[i].own = std::max(tree[i].own, scheduled(tree[i].pid));
    const pid_t parent = tree[i].pid;
    std::ranges::copy_if(all, std::back_inserter(tree),
                         [&](const Process& each) { return each.parent == parent && each.pid != 0; });
  }
  return tree;
}

Processor used_by(const std::vector<Process>& tree) {
  Processor used;
  for (const Process& process : tree) {
    (process.place == Place::kApplication ? used.application : used.server) += process.own;
    (process.place == Place::kSupervisor ? used.server : used.application) += process.children;
  }
  return used;
}

MemoryNow memory_of(const std::vector<Process>& tree, const std::vector<pid_t>& templates) {
  MemoryNow memory;
  for (const Process& process : tree) {
    if (process.place != Place::kApplication) continue;
    const spawner::Measured measured = spawner::measure(process.pid);
    memory.proportional += measured.proportional;
    if (measured.unique > 0 && std::ranges::find(templates, process.pid) == templates.end())
      memory.answering.push_back(measured.unique);
  }
  return memory;
}

}  // namespace remuda::cli::advise

// SPDX-License-Identifier: Apache-2.0
//
// cgroup v2 (memory.max, memory.current) and v1 (memory.limit_in_bytes, memory.usage_in_bytes); inside a
// container the hierarchy's root is one's own group. Page cache that can be dropped counts as available.
#include "apps/pool/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/fd.h"

namespace remuda::apps::pool {

namespace {

std::string read_small_file(const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(8192, '\0');
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

// The number after "NAME " at the beginning of a line.
std::optional<uint64_t> number_after(std::string_view text, std::string_view name) {
  for (size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size()) + 1) {
    if (!text.substr(at).starts_with(name)) continue;
    std::string_view rest = text.substr(at + name.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    uint64_t number = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), number).ec == std::errc()) return number;
  }
  return std::nullopt;
}

struct Names {
  const char* limit;
  const char* used;
  const char* cache;  // in memory.stat
};

std::optional<uint64_t> left_in(const std::string& directory, const Names& names) {
  const auto limit = read_limit(read_small_file(directory + names.limit));
  const auto used = read_limit(read_small_file(directory + names.used));
  if (!limit || !used) return std::nullopt;
  const uint64_t cache = number_after(read_small_file(directory + "/memory.stat"), names.cache).value_or(0);
  const uint64_t kept = *used - std::min(*used, cache);
  return *limit - std::min(*limit, kept);
}

std::optional<uint64_t> left_in_cgroup() {
  const std::string own = read_small_file("/proc/self/cgroup");
  constexpr Names kV2{"/memory.max", "/memory.current", "inactive_file "};
  constexpr Names kV1{"/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file "};
  std::optional<uint64_t> least;
  const auto consider = [&](const std::string& directory, const Names& names) {
    if (const auto left = left_in(directory, names)) least = std::min(least.value_or(*left), *left);
  };
  if (const auto path = own_cgroup(own, "")) consider("/sys/fs/cgroup" + *path, kV2);
  if (const auto path = own_cgroup(own, "memory")) consider("/sys/fs/cgroup/memory" + *path, kV1);
  consider("/sys/fs/cgroup", kV2);
  consider("/sys/fs/cgroup/memory", kV1);
  return least;
}

uint32_t count_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) < 0) return 1;
  return static_cast<uint32_t>(std::max(CPU_COUNT(&cores), 1));
}

}  // namespace

Machine look_at_machine() {
  Machine machine{.cores = count_cores()};
  machine.available = available_of_meminfo(read_small_file("/proc/meminfo")).value_or(0);
  machine.available_from = "the machine's";
  if (const auto left = left_in_cgroup(); left && *left < machine.available) {
    machine.available = *left;
    machine.available_from = "the cgroup's";
  }
  return machine;
}

std::optional<uint64_t> available_of_meminfo(std::string_view meminfo) {
  const auto kibibytes = number_after(meminfo, "MemAvailable:");
  if (!kibibytes) return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<uint64_t> read_limit(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<std::string> own_cgroup(std::string_view proc_self_cgroup, std::string_view controller) {
  while (!proc_self_cgroup.empty()) {
    const std::string_view line = proc_self_cgroup.substr(0, proc_self_cgroup.find('\n'));
    proc_self_cgroup.remove_prefix(std::min(line.size() + 1, proc_self_cgroup.size()));
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    if (controllers.find(fmt::format(",{},", controller)) == std::string::npos) continue;
    const std::string_view path = line.substr(second + 1);
    return path == "/" ? std::string() : std::string(path);
  }
  return std::nullopt;
}

}  // namespace remuda::apps::pool

// SPDX-License-Identifier: Apache-2.0
//
// Files of the cgroup file system take one value a write.
#include "spawner/confinement/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <vector>

namespace remuda::spawner {

namespace {

using Outcome = std::expected<void, ConfinementFailure>;

constexpr uint64_t kPeriod = 100'000;  // microseconds, the kernel's usual one
constexpr int kTries = 20;             // until the last process has left, or has been moved

Outcome write_value(const std::string& file, const std::string& value) {
  const base::Fd opened(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (opened && write(opened.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()))
    return {};
  return std::unexpected(ConfinementFailure{errno, "write \"" + value + "\" to " + file});
}

// Where a failure leaves nothing to be done.
void try_value(const std::string& file, const std::string& value) {
  [[maybe_unused]] const Outcome written = write_value(file, value);
}

Outcome make_group(const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return std::unexpected(ConfinementFailure{errno, "make the cgroup " + directory});
}

std::vector<std::string> processes_of(const std::string& group) {
  std::vector<std::string> processes;
  std::ifstream file(group + "/cgroup.procs");
  for (std::string each; file >> each;) processes.push_back(each);
  return processes;
}

// One that has ended meanwhile needs no move; one that has begun is there the next time.
void move_processes(const std::string& from, const std::string& to) {
  std::vector<std::string> processes;
  for (int i = 0; i < kTries && !(processes = processes_of(from)).empty(); ++i) {
    for (const std::string& process : processes) try_value(to + "/cgroup.procs", process);
  }
}

std::string controllers_of(const CgroupRules& rules) {
  std::string controllers;
  if (rules.memory != 0) controllers += " +memory";
  if (rules.processes != 0) controllers += " +pids";
  if (rules.cpu != 0) controllers += " +cpu";
  return controllers.substr(1);
}

std::string leaf_of(const base::CgroupPlace& place) {
  return place.directory + "/" + std::string(base::CgroupPlace::kServerLeaf);
}

bool is_root_group(const base::CgroupPlace& place) {
  return access((place.directory + "/cgroup.type").c_str(), F_OK) != 0;
}

// The hierarchy's root may have processes beside groups; no other group may.
Outcome make_room(const base::CgroupPlace& place) {
  if (is_root_group(place) || processes_of(place.directory).empty()) return {};
  const std::string leaf = leaf_of(place);
  if (auto made = make_group(leaf); !made) return made;
  move_processes(place.directory, leaf);
  return {};
}

Outcome set_limits(const std::string& group, const CgroupRules& rules) {
  const struct {
    bool wanted;
    const char* file;
    std::string value;
  } limits[] = {
      {rules.memory != 0, "/memory.max", std::to_string(rules.memory)},
      {rules.processes != 0, "/pids.max", std::to_string(rules.processes)},
      {rules.cpu != 0, "/cpu.max", std::to_string(kPeriod / 100 * rules.cpu) + " " + std::to_string(kPeriod)},
  };
  for (const auto& limit : limits) {
    if (!limit.wanted) continue;
    if (auto written = write_value(group + limit.file, limit.value); !written) return written;
  }
  return {};
}

// A group below `directory` that may have the controllers.
Outcome make_below(const std::string& directory, const std::string& group, const std::string& controllers) {
  if (auto written = write_value(directory + "/cgroup.subtree_control", controllers); !written)
    return written;
  return make_group(group);
}

void remove_group(const std::string& group) {
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 10'000'000};
  for (int i = 0; i < kTries && rmdir(group.c_str()) < 0 && errno == EBUSY; ++i) nanosleep(&kPause, nullptr);
}

// Of all applications of one server.
std::string all_of(const CgroupName& name) {
  return name.place.directory + "/remuda-" + std::to_string(name.supervisor);
}

}  // namespace

std::expected<base::Fd, ConfinementFailure> make_cgroup(const CgroupName& name, const CgroupRules& rules) {
  const std::string all = all_of(name);
  const std::string group = all + "/" + name.app;
  const std::string controllers = controllers_of(rules);
  Outcome done = make_room(name.place);
  if (done) done = make_below(name.place.directory, all, controllers);
  if (done) done = make_below(all, group, controllers);
  if (done) done = set_limits(group, rules);
  if (!done) return std::unexpected(done.error());
  base::Fd entrance(open((group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!entrance) return std::unexpected(ConfinementFailure{errno, "open the cgroup " + group});
  return entrance;
}

void remove_cgroup(const CgroupName& name) {
  const std::string all = all_of(name);
  remove_group(all + "/" + name.app);
  const std::string leaf = leaf_of(name.place);
  if (rmdir(all.c_str()) < 0 || access(leaf.c_str(), F_OK) < 0) return;
  try_value(name.place.directory + "/cgroup.subtree_control", "-memory -pids -cpu");
  move_processes(leaf, name.place.directory);
  remove_group(leaf);
}

}  // namespace remuda::spawner

// SPDX-License-Identifier: Apache-2.0
//
// "36 35 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw": root of the mount and where it is, the type
// behind the "-". "0::/system.slice/remuda.service": the group of version 2.
#include "base/cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace remuda::base {

namespace {

struct Mount {
  std::string root;
  std::string point;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

bool find_mount(const std::string& proc, Mount& mount) {
  std::ifstream lines(proc + "/self/mountinfo");
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 5 || dash == words.end() || std::next(dash) == words.end()) continue;
    if (*std::next(dash) != "cgroup2") continue;
    mount = {words[3], words[4]};
    return true;
  }
  return false;
}

bool find_own(const std::string& proc, std::string& path) {
  constexpr std::string_view kVersion2 = "0::";
  std::ifstream lines(proc + "/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kVersion2)) continue;
    path = line.substr(kVersion2.size());
    return true;
  }
  return false;
}

}  // namespace

bool CgroupPlace::has_controller(std::string_view name) const {
  std::ifstream file(directory + "/cgroup.controllers");
  for (std::string each; file >> each;) {
    if (each == name) return true;
  }
  return false;
}

bool CgroupPlace::is_writable() const {
  return access(directory.c_str(), W_OK) == 0 &&
         access((directory + "/cgroup.subtree_control").c_str(), W_OK) == 0 &&
         access((directory + "/cgroup.procs").c_str(), W_OK) == 0;
}

Result<CgroupPlace> find_cgroup(const std::string& proc) {
  Mount mount;
  std::string own;
  if (!find_mount(proc, mount) || !find_own(proc, own))
    return failure(ENOENT, "no cgroup hierarchy of version 2 is mounted");
  if (mount.root != "/" && own.starts_with(mount.root)) own.erase(0, mount.root.size());
  CgroupPlace place{mount.point + own};
  for (const std::string_view leaf : {CgroupPlace::kServerLeaf, CgroupPlace::kSystemdLeaf}) {
    if (place.directory.ends_with("/" + std::string(leaf)))
      place.directory.resize(place.directory.size() - leaf.size() - 1);
  }
  while (place.directory.ends_with('/')) place.directory.pop_back();
  return place;
}

}  // namespace remuda::base

// SPDX-License-Identifier: Apache-2.0
//
// What the check of a configuration asks of the machine: users, directories, rights, cores. Asks only,
// changes nothing.
//
// this_machine() answers for the real one; tests derive their own. Used while a configuration is read, by one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace remuda::config {

enum class Access : uint8_t { kGood, kMissing, kWrongKind, kDenied };

// What setrlimit(2) limits.
enum class Resource : uint8_t { kOpenFiles, kProcesses, kAddressSpace, kFileSize, kCpuSeconds };

// What the kernel may have to confine programs, tried by who would do it.
enum class Means : uint8_t {
  kFilter,        // of system calls, by who has given up new privileges
  kFilterOfRoot,  // by root, who has not
  kNamespaces,    // of mounts and IPC, and the newer calls that build them
  kNetwork,
  kCgroupMemory,
  kCgroupProcesses,
  kCgroupCpu,
};

// Why it cannot be had, and what to do.
struct Obstacle {
  std::string what;
  std::string remedy;
};

class Machine {
 public:
  virtual ~Machine() = default;

  virtual bool is_root() const = 0;
  // The number and own group of a user, who is given by name or number; nothing if there is no such user.
  virtual std::optional<Identity> user(const std::string& name) const = 0;
  virtual std::optional<gid_t> group(const std::string& name) const = 0;
  // Whether `as` (or whoever runs this) can list the directory, or run the program.
  virtual Access directory(const std::string& path, const std::optional<Identity>& as) const = 0;
  virtual Access program(const std::string& path, const std::optional<Identity>& as) const = 0;
  virtual Access file(const std::string& path, const std::optional<Identity>& as) const = 0;  // to be read
  // The beginning of a file, 64 KiB at most; empty if it cannot be read.
  virtual std::string text(const std::string& path) const = 0;
  // Whether the text is somewhere in the file, of which 64 MiB at most are read.
  virtual bool holds(const std::string& path, std::string_view text) const = 0;
  // What is in a directory, in order; 10,000 at most.
  virtual std::vector<std::string> names(const std::string& directory) const = 0;
  // Where this program's installation keeps its loaders, whether they are there or not.
  virtual std::string loaders() const = 0;
  // The most that a limit of a program can be set to: nothing if there is no bound.
  virtual std::optional<uint64_t> highest_limit(Resource resource) const = 0;
  // Nothing if it can be had.
  virtual std::optional<Obstacle> obstacle_to(Means means) const = 0;
};

const Machine& this_machine();

}  // namespace remuda::config

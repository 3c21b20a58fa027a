// SPDX-License-Identifier: Apache-2.0
//
// ScriptLookup: which prefix of a path names a program below the root; the rest is PATH_INFO.
//
// The first component that is a file decides, wherever in the tree it is. The file system is asked on an
// offload thread, and a program that was found is not looked for again within a second. One loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct Script {
  int status = 0;            // 0: found; else what to answer
  std::string_view trouble;  // static text: why
  std::string file;          // absolute
  size_t name_length = 0;    // of the path: its part that names the program
};

class ScriptLookup {
 public:
  ScriptLookup(loop::Loop& loop, loop::Offload& offload, std::string root);

  // `path`: decoded, below the mount, begins with "/" or is empty.
  loop::Task<Script> find(std::string_view path);

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::optional<size_t> find_known(std::string_view path) const;

  loop::Loop& loop_;
  loop::Offload& offload_;
  const std::string root_;
  std::unordered_map<std::string, loop::Time, TextHash, std::equal_to<>>
      known_;  // programs, and when they were seen
};

}  // namespace remuda::gateway

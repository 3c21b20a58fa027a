// SPDX-License-Identifier: Apache-2.0
//
// ScriptLookup: which file below a root a path means.
//
//     the first component that is a file decides, wherever in the tree it is; the rest is PATH_INFO
//     a file without one of the suffixes is no script, whatever follows it in the path
//     a directory means its index, if it has one; without a slash at its end it is redirected
//     what is nothing of that means the fallback (a front controller), if there is one
//
// Names are compared as octets, never as text. The file system is asked on an offload thread; a script that
// was found is not looked for again within a second. One loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "gateway/app_options.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct ScriptRules {
  std::string root;                   // absolute
  std::vector<std::string> suffixes;  // empty: any file is a script
  std::vector<std::string> index;
  std::string fallback;  // "/index.php"
  Executable executable = Executable::kMustBe;

  static ScriptRules from(const AppOptions& options);
  bool is_script(std::string_view name) const;
};

struct Script {
  int status = 0;            // 0: found; 301: a directory that lacks the slash; else what to answer
  std::string_view trouble;  // static text: why
  std::string_view name;     // below the root, begins with "/"; in the path or the arena
  size_t path_info = 0;      // what of the path follows the script's name
};

class ScriptLookup {
 public:
  ScriptLookup(loop::Loop& loop, loop::Offload& offload, ScriptRules rules);

  // `path`: decoded, below the mount, begins with "/" or is empty; outlives the result.
  loop::Task<Script> find(std::string_view path, base::Arena& arena);

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Known {
    std::string name;
    loop::Time seen;
  };

  std::optional<Script> find_known(std::string_view path, base::Arena& arena) const;
  const Known* fresh(std::string_view path) const;
  void remember(std::string_view path, std::string_view name);

  loop::Loop& loop_;
  loop::Offload& offload_;
  const ScriptRules rules_;
  // By the script's own name, and by the whole path where index or fallback answers it.
  std::unordered_map<std::string, Known, TextHash, std::equal_to<>> known_;
};

}  // namespace remuda::gateway

// SPDX-License-Identifier: Apache-2.0
//
// How a CGI program is loaded by a template, which follows from the program alone:
//
//     #! python    INTERPRETER FLAGS LOADERS/python/remuda_cgi.py PROGRAM
//     #! perl      INTERPRETER FLAGS LOADERS/perl/remuda_cgi.pl PROGRAM
//     #! ruby      INTERPRETER FLAGS LOADERS/ruby/remuda_cgi.rb PROGRAM
//     others       as the kernel would run it, with LD_PRELOAD=LOADERS/libremuda_preload.so, if it, or what
//                  its "#!" names, is linked dynamically and gains no rights by exec
//
// "#!/usr/bin/env NAME" means the NAME that env would find.
//
// Spawner's process only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remuda::spawner {

// Tells a file from what it was, as far as stat(2) can.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t modified = 0;
  int64_t changed = 0;

  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(const char* path);  // zeros if there is none

struct LoaderCommand {
  std::string path;
  std::vector<std::string> arguments;  // with the command's own name
  std::string preload;                 // for LD_PRELOAD
  std::string why_not;                 // not empty: no template for it
};

// `search_path`: PATH of the application, for "#!/usr/bin/env NAME".
LoaderCommand choose_loader(const std::string& program, const std::string& loaders,
                            std::string_view search_path);

}  // namespace remuda::spawner

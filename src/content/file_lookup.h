// SPDX-License-Identifier: Apache-2.0
//
// FileLookup: finds out what a path of a site is. Blocks, so it runs on an offload thread; touches only what
// is immutable (the site) or its own.
//
// A directory stands for its index, a file for itself and its compressed siblings. Each is looked at through
// an O_PATH descriptor first, so that no device or FIFO is ever opened for reading; only regular files are.
#pragma once

#include <memory>
#include <string_view>

#include "content/file_entry.h"
#include "content/file_options.h"

namespace remuda::content {

class FileLookup {
 public:
  // `path` as http::decode_path made it, not hidden: begins with the site's prefix. Both outlive the lookup.
  FileLookup(const FileSite& site, std::string_view path) : site_(site), path_(path) {}

  // What the path is now. Null when it is still what `known` says. Never fails: what cannot be served is an
  // entry too.
  EntryPointer run(const FileEntry* known) const;

 private:
  const FileSite& site_;
  std::string_view path_;
};

}  // namespace remuda::content

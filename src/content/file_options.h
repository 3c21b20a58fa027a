// SPDX-License-Identifier: Apache-2.0
//
// FileOptions: what one route of files is, as the composition root says it. FileSite: the same, checked once
// for the process and shared, unchanged, by the handlers of every loop and by the offload threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "content/mime_types.h"

namespace remuda::content {

enum class Listing : uint8_t {
  kOff,
  kHtml,
  kJson,
  kAuto
};  // kAuto: by the request's Accept, HTML if in doubt
enum class Dotfiles : uint8_t { kHide, kServe };       // hidden: 404, but for /.well-known/ (RFC 8615)
enum class Precompressed : uint8_t { kOff, kOn };      // .br, .zst and .gz siblings by Accept-Encoding
enum class Resolution : uint8_t { kKernel, kByHand };  // openat2, or a component at a time

struct FileOptions {
  std::string root;          // absolute path of a directory; looked up anew for every cold request
  std::string prefix = "/";  // what the root stands for in request paths: begins and ends with "/"
  std::vector<std::string> index = {"index.html"};  // names, in order
  Listing listing = Listing::kOff;
  std::string fallback;       // a path below the prefix, "/index.html": served where nothing is; "": none
  std::string cache_control;  // value of the field; "": none
  Dotfiles dotfiles = Dotfiles::kHide;
  Precompressed precompressed = Precompressed::kOn;
  Resolution resolution = Resolution::kKernel;  // where openat2 is missing, kByHand is used anyway
};

struct FileSite {
  FileOptions options;
  std::shared_ptr<const MimeTypes> types;
  size_t largest_in_memory = 0;  // bytes of a file that is kept in memory, not as a descriptor

  // Fails if the root is no directory that can be searched (ENOENT, ENOTDIR, EACCES). `largest_in_memory`:
  // what FileCacheLimits::cached_file says.
  static base::Result<std::shared_ptr<const FileSite>> open(FileOptions options,
                                                            std::shared_ptr<const MimeTypes> types,
                                                            size_t largest_in_memory = 64 << 10);
};

}  // namespace remuda::content

// SPDX-License-Identifier: Apache-2.0
//
// Checks a site once, before anything is served from it.
#include "content/file_options.h"

#include <fcntl.h>

#include <utility>

#include "base/check.h"
#include "base/fd.h"
#include "content/beneath.h"

namespace remuda::content {

base::Result<std::shared_ptr<const FileSite>> FileSite::open(FileOptions options,
                                                             std::shared_ptr<const MimeTypes> types,
                                                             size_t largest_in_memory) {
  CHECK(options.prefix.starts_with('/') && options.prefix.ends_with('/'));
  const base::Fd root(::open(options.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::failure_from_errno("open the root of files");
  options.resolution = available_resolution(options.resolution);
  // Searching it needs a right of its own, which O_PATH alone does not ask for.
  const auto searched = open_beneath(root.get(), ".", O_PATH, options.resolution);
  if (!searched) return std::unexpected(base::Error{searched.error().code, "search the root of files"});
  while (options.fallback.starts_with('/')) options.fallback.erase(0, 1);
  auto site = std::make_shared<FileSite>();
  site->options = std::move(options);
  site->types = std::move(types);
  site->largest_in_memory = largest_in_memory;
  return site;
}

}  // namespace remuda::content

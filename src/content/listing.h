// SPDX-License-Identifier: Apache-2.0
//
// Listing: the content of a directory as an HTML page or as JSON, for people and for scripts.
//
//     [{"name": "notes", "type": "directory", "modified": "2026-11-21T08:00:00Z"},
//      {"name": "a.txt", "type": "file", "size": 12, "modified": "..."}]
//
// Shows what would be served: regular files and directories, links that stay below the root, no hidden names.
// Directories come first, then names in the order of their octets. Blocks: for an offload thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "content/file_options.h"

namespace remuda::content {

constexpr size_t kMostListed = 10'000;  // entries of a directory; the page says when there are more

enum class ListingForm : uint8_t { kHtml, kJson };

// `path`: as http::decode_path made it, below the site's prefix, ending in "/".
base::Result<std::string> list_directory(const FileSite& site, std::string_view path, ListingForm form);

// Whether a path (below `prefix`) has a segment that begins with a dot; /.well-known/ at the root of the host
// is none.
bool is_hidden(std::string_view path, std::string_view prefix);

}  // namespace remuda::content

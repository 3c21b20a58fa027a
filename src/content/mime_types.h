// SPDX-License-Identifier: Apache-2.0
//
// MimeTypes: the media type of a file by its name. Made once at the start, never changed, shared by all
// threads.
//
// Three sources, the first that knows a name wins: the types that browsers depend on (built in, as registered
// with IANA: a desktop's table may call .js application/x-javascript), the system's shared-mime-info (globs2:
// names,
// "*.suffix", by weight and case-sensitivity; other patterns are left out), and /etc/mime.types.
// Text types say "; charset=utf-8".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace remuda::content {

class MimeTypes {
 public:
  // Reads the system's tables; what is missing is left out. Blocks: for the start only.
  static std::shared_ptr<const MimeTypes> load();
  // The same from given files, for tests; "" for none.
  static std::shared_ptr<const MimeTypes> load(const std::string& globs2, const std::string& mime_types);

  // `name` is a file's name or path; "application/octet-stream" for a name that nobody knows.
  // Valid as long as this table.
  std::string_view of(std::string_view name) const;

  size_t size() const { return suffixes_.size() + names_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Entry {
    std::string type;  // with its charset
    int weight = 0;
  };
  using Table = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  void add(Table& table, std::string_view key, std::string_view type, int weight);
  void add_built_in();
  void add_globs2(std::string_view text);
  void add_mime_types(std::string_view text);
  const std::string* find(std::string_view name) const;

  Table suffixes_;        // "tar.gz", lower case
  Table exact_suffixes_;  // those that differ by case: "C"
  Table names_;           // "makefile", lower case
};

}  // namespace remuda::content

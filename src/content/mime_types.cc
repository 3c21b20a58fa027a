// SPDX-License-Identifier: Apache-2.0
//
// A name is looked up whole, then by what follows its first dot, its second, and so on: the longest suffix
// wins.
#include "content/mime_types.h"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/ascii.h"

namespace remuda::content {

namespace {

constexpr std::string_view kUnknown = "application/octet-stream";
constexpr int kBuiltInWeight = 1000;  // shared-mime-info has 0 to 100
constexpr int kMimeTypesWeight = -1;

constexpr std::array<std::pair<std::string_view, std::string_view>, 36> kBuiltIn{{
    {"html", "text/html"},
    {"htm", "text/html"},
    {"css", "text/css"},
    {"js", "text/javascript"},
    {"mjs", "text/javascript"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"wasm", "application/wasm"},
    {"txt", "text/plain"},
    {"md", "text/markdown"},
    {"csv", "text/csv"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"ogg", "audio/ogg"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"ts", "video/mp2t"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = base::to_lower(c);
  return result;
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

// Takes the next piece up to `end` off `text`.
std::string_view cut(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view piece = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return piece;
}

bool is_media_type(std::string_view type) {
  const size_t slash = type.find('/');
  return slash != std::string_view::npos && base::is_token(type.substr(0, slash)) &&
         base::is_token(type.substr(slash + 1));
}

constexpr std::string_view kWildcards = "*?[";

}  // namespace

std::shared_ptr<const MimeTypes> MimeTypes::load() {
  return load("/usr/share/mime/globs2", "/etc/mime.types");
}

std::shared_ptr<const MimeTypes> MimeTypes::load(const std::string& globs2, const std::string& mime_types) {
  auto types = std::make_shared<MimeTypes>();
  types->add_built_in();
  types->add_globs2(read_whole(globs2));
  types->add_mime_types(read_whole(mime_types));
  return types;
}

void MimeTypes::add_built_in() {
  for (const auto& [suffix, type] : kBuiltIn) add(suffixes_, suffix, type, kBuiltInWeight);
}

void MimeTypes::add(Table& table, std::string_view key, std::string_view type, int weight) {
  if (key.empty() || key.find_first_of(kWildcards) != std::string_view::npos || !is_media_type(type)) return;
  const auto [at, added] = table.try_emplace(std::string(key));
  if (!added && at->second.weight >= weight) return;
  at->second.weight = weight;
  at->second.type = type;
  if (type.starts_with("text/")) at->second.type += "; charset=utf-8";
}

// weight:type:glob[:flags], "cs" for those that differ by case.
void MimeTypes::add_globs2(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    if (line.starts_with('#')) continue;
    int weight = 0;
    const std::string_view number = cut(line, ':');
    if (std::from_chars(number.data(), number.data() + number.size(), weight).ec != std::errc()) continue;
    const std::string_view type = cut(line, ':');
    const std::string_view glob = cut(line, ':');
    const bool exact = cut(line, ':') == "cs";
    if (glob.starts_with("*.")) {
      const std::string_view suffix = glob.substr(2);
      add(exact ? exact_suffixes_ : suffixes_, exact ? std::string(suffix) : lower(suffix), type, weight);
    } else {
      add(names_, lower(glob), type, weight);
    }
  }
}

// type suffix suffix ...
void MimeTypes::add_mime_types(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    if (line.starts_with('#')) continue;
    std::istringstream words{std::string(line)};
    std::string type;
    std::string suffix;
    words >> type;
    while (words >> suffix) add(suffixes_, lower(suffix), type, kMimeTypesWeight);
  }
}

const std::string* MimeTypes::find(std::string_view name) const {
  const std::string small = lower(name);
  if (const auto at = names_.find(small); at != names_.end()) return &at->second.type;
  // A dot at the beginning hides a file, it does not begin a suffix.
  for (size_t dot = name.find('.', 1); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    const std::string_view exact = name.substr(dot + 1);
    if (const auto at = exact_suffixes_.find(exact); at != exact_suffixes_.end()) return &at->second.type;
    const std::string_view suffix = std::string_view(small).substr(dot + 1);
    if (const auto at = suffixes_.find(suffix); at != suffixes_.end()) return &at->second.type;
  }
  return nullptr;
}

std::string_view MimeTypes::of(std::string_view name) const {
  const size_t slash = name.rfind('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const std::string* const type = name.empty() ? nullptr : find(name);
  return type == nullptr ? kUnknown : std::string_view(*type);
}

}  // namespace remuda::content

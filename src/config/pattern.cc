// SPDX-License-Identifier: Apache-2.0
//
// Matching of route paths and hosts.
#include "config/pattern.h"

namespace remuda::config {
namespace {

// "*" stands for any characters. Goes back only to the last star, so the cost is bounded by the product of
// the lengths.
bool glob_matches(std::string_view glob, std::string_view text) {
  size_t at = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  size_t i = 0;
  while (i < text.size()) {
    if (at < glob.size() && glob[at] == '*') {
      star = at++;
      resume = i;
    } else if (at < glob.size() && glob[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (at < glob.size() && glob[at] == '*') ++at;
  return at == glob.size();
}

size_t directory_length(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? 0 : slash;
}

bool equal_ignoring_case(std::string_view lower, std::string_view any) {
  if (lower.size() != any.size()) return false;
  for (size_t i = 0; i < any.size(); ++i) {
    const char c = any[i] >= 'A' && any[i] <= 'Z' ? static_cast<char>(any[i] | 0x20) : any[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

PathPattern::PathPattern(std::string_view text) {
  if (text.starts_with('=')) {
    kind_ = Kind::kExact;
    text_ = text.substr(1);
    mount_ = directory_length(text_);
  } else if (text.contains('*')) {
    kind_ = Kind::kGlob;
    text_ = text;
    mount_ = directory_length(literal_head());
  } else {
    text_ = text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
    mount_ = text_.size();
  }
}

std::string_view PathPattern::literal_head() const {
  const std::string_view text = text_;
  return kind_ == Kind::kGlob ? text.substr(0, text.find('*')) : text;
}

std::optional<size_t> PathPattern::match(std::string_view path) const {
  bool matched = false;
  switch (kind_) {
    case Kind::kPrefix:
      matched = path.starts_with(text_) && (path.size() == text_.size() || path[text_.size()] == '/');
      break;
    case Kind::kExact: matched = path == text_; break;
    case Kind::kGlob: matched = glob_matches(text_, path); break;
  }
  return matched ? std::optional(mount_) : std::nullopt;
}

bool PathPattern::covers(const PathPattern& other) const {
  if (kind_ == other.kind_ && text_ == other.text_) return true;
  if (other.kind_ == Kind::kExact) return match(other.text_).has_value();
  const std::string_view head = other.literal_head();
  if (kind_ == Kind::kPrefix) {
    if (!head.starts_with(text_)) return false;
    const bool whole = head.size() > text_.size() ? head[text_.size()] == '/' : other.kind_ == Kind::kPrefix;
    return whole || text_.empty();
  }
  const bool open_end = kind_ == Kind::kGlob && text_.find('*') == text_.size() - 1;
  return open_end && head.starts_with(literal_head());
}

std::string_view host_name(std::string_view host) {
  const size_t search_from = host.starts_with('[') ? host.find(']') : 0;
  const size_t colon = search_from == std::string_view::npos ? search_from : host.find(':', search_from);
  host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool host_matches(std::string_view pattern, std::string_view name) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return equal_ignoring_case(pattern, name);
  const std::string_view suffix = pattern.substr(1);
  return name.size() > suffix.size() && equal_ignoring_case(suffix, name.substr(name.size() - suffix.size()));
}

bool host_covers(std::string_view pattern, std::string_view other) {
  if (pattern == "*" || pattern == other) return true;
  if (!other.starts_with('*')) return host_matches(pattern, other);
  return pattern.starts_with("*.") && other.size() > pattern.size() && other.ends_with(pattern.substr(1));
}

}  // namespace remuda::config

// SPDX-License-Identifier: Apache-2.0
//
//     pool1 NUL id NUL generation NUL socket NUL app
#include "apps/pool/label.h"

#include <fmt/format.h>

#include <charconv>

namespace remuda::apps::pool {

namespace {

constexpr std::string_view kVersion = "pool1";

std::string_view take_field(std::string_view& text) {
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number != 0;
}

}  // namespace

std::string to_text(const Label& label) {
  return fmt::format("{}{}{}{}{}{}{}{}{}", kVersion, '\0', label.id, '\0', label.generation, '\0',
                     label.socket, '\0', label.app);
}

std::optional<Label> read_label(std::string_view text) {
  if (take_field(text) != kVersion) return std::nullopt;
  Label label;
  if (!read_number(take_field(text), label.id)) return std::nullopt;
  if (!read_number(take_field(text), label.generation)) return std::nullopt;
  label.socket = take_field(text);
  label.app = take_field(text);
  if (label.socket.empty() || label.app.empty() || !text.empty()) return std::nullopt;
  return label;
}

}  // namespace remuda::apps::pool

// SPDX-License-Identifier: Apache-2.0
//
// Lengths are read into 64 bits and compared with what is left, so that none near 2^31 can wrap.
#include "gateway/wire/fastcgi_values.h"

#include <charconv>

namespace remuda::gateway::wire {

namespace {

std::optional<uint64_t> take_length(std::string_view& bytes) {
  const auto at = [&](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])); };
  if (bytes.empty()) return std::nullopt;
  if (at(0) < 128) {
    const uint64_t length = at(0);
    bytes.remove_prefix(1);
    return length;
  }
  if (bytes.size() < 4) return std::nullopt;
  const uint64_t length = (at(0) & 0x7f) << 24 | at(1) << 16 | at(2) << 8 | at(3);
  bytes.remove_prefix(4);
  return length;
}

std::optional<uint32_t> read_number(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<FastcgiPair> take_fastcgi_pair(std::string_view& bytes) {
  std::string_view rest = bytes;
  const auto name = take_length(rest);
  if (!name) return std::nullopt;
  const auto value = take_length(rest);
  if (!value || *name + *value > rest.size()) return std::nullopt;
  const FastcgiPair pair{rest.substr(0, *name), rest.substr(*name, *value)};
  bytes = rest.substr(*name + *value);
  return pair;
}

std::optional<FastcgiValues> read_fastcgi_values(std::string_view pairs) {
  FastcgiValues values;
  while (!pairs.empty()) {
    const auto pair = take_fastcgi_pair(pairs);
    if (!pair) return std::nullopt;
    const auto number = read_number(pair->value);
    if (pair->name == "FCGI_MAX_CONNS") values.connections = number;
    if (pair->name == "FCGI_MAX_REQS") values.requests = number;
    if (pair->name == "FCGI_MPXS_CONNS" && number) values.multiplexes = *number == 1;
  }
  return values;
}

}  // namespace remuda::gateway::wire

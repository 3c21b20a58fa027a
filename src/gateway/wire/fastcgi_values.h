// SPDX-License-Identifier: Apache-2.0
//
// What an application answers to GET_VALUES (section 4.1): pairs of names and decimal numbers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace remuda::gateway::wire {

// What was not said, or was not a number, is not there: names may be omitted.
struct FastcgiValues {
  std::optional<uint32_t> connections;  // FCGI_MAX_CONNS
  std::optional<uint32_t> requests;     // FCGI_MAX_REQS
  std::optional<bool> multiplexes;      // FCGI_MPXS_CONNS
  bool operator==(const FastcgiValues&) const = default;
};

// One pair of a stream or record of pairs (section 3.4).
struct FastcgiPair {
  std::string_view name;
  std::string_view value;
};

// Takes the pair off the front of `bytes`; none if they do not hold it whole, whatever its lengths say.
std::optional<FastcgiPair> take_fastcgi_pair(std::string_view& bytes);

// None if the pairs are not well-formed.
std::optional<FastcgiValues> read_fastcgi_values(std::string_view pairs);

}  // namespace remuda::gateway::wire

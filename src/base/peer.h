// SPDX-License-Identifier: Apache-2.0
//
// A peer of a farm as people write it: where it listens, what share of the requests it gets, how many at
// once.
//
//     unix:/run/php.sock      10.0.0.7:9000 weight=2 concurrency=8      [::1]:9000      app.example.org:9000
//
// Below configuration and applications, because both read it: the file, and peers that are added while the
// server runs. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace remuda::base {

struct Peer {
  enum class Kind : uint8_t { kUnix, kIpv4, kIpv6, kName };
  Kind kind = Kind::kIpv4;
  std::string host;          // numeric without brackets, or a name in lower case; empty for kUnix
  uint16_t port = 0;         // never 0 but for kUnix
  std::string path;          // kUnix: absolute, or "@name" in the abstract namespace
  uint32_t weight = 1;       // 1 to kMostWeight
  uint32_t concurrency = 0;  // requests at once; 0: not known
  bool operator==(const Peer&) const = default;

  static constexpr uint32_t kMostWeight = 1000;
  static constexpr uint32_t kMostConcurrency = 100'000;
  static constexpr size_t kLongestPath = 107;  // of a socket's name
};

struct PeerMistake {
  std::string what;
  std::string hint;
};

// A path of a socket may be relative: the caller makes it absolute or refuses it.
std::expected<Peer, PeerMistake> parse_peer(std::string_view text);

// "unix:/run/php.sock", "10.0.0.7:9000", "[::1]:9000": the name of a peer in status and commands.
std::string address_text(const Peer& peer);
// The same and what is not the default: " weight=2 concurrency=8". parse_peer() reads it back.
std::string to_string(const Peer& peer);

}  // namespace remuda::base

// SPDX-License-Identifier: Apache-2.0
//
// An address, then words of the form name=number. Every refusal says what would be right.
#include "base/peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace remuda::base {
namespace {

using Parsed = std::expected<Peer, PeerMistake>;

std::unexpected<PeerMistake> mistake(std::string what, std::string hint) {
  return std::unexpected(PeerMistake{std::move(what), std::move(hint)});
}

std::optional<uint32_t> number_of(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The numeric form that the kernel would print, so that equal addresses are equal texts.
template <class Number, int family>
std::optional<std::string> normalised(const std::string& host) {
  Number number{};
  if (::inet_pton(family, host.c_str(), &number) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  return std::string(::inet_ntop(family, &number, text.data(), text.size()));
}

Parsed parse_unix(std::string_view path) {
  if (path.empty()) return mistake("a path is missing", "such as \"unix:/run/app.sock\"");
  if (path.size() > Peer::kLongestPath) {
    return mistake("the path is longer than the 107 bytes that a socket's name may have",
                   "use a shorter one");
  }
  Peer peer;
  peer.kind = Peer::Kind::kUnix;
  peer.path = path;
  return peer;
}

// RFC 1123 section 2.1, and the underscore that people use.
bool is_host_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !name.empty() && name.size() <= 253 && name.front() != '.' && !name.contains("..") &&
         std::ranges::all_of(name, good);
}

// Only digits and points: an address that is not one, never a name.
bool looks_numeric(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Parsed parse_host(std::string host, uint16_t port) {
  Peer peer;
  peer.port = port;
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto six = normalised<in6_addr, AF_INET6>(host.substr(1, host.size() - 2));
    if (!six) return mistake(fmt::format("\"{}\" is not an IPv6 address", host), "such as \"[::1]\"");
    peer.kind = Peer::Kind::kIpv6;
    peer.host = *six;
    return peer;
  }
  if (auto four = normalised<in_addr, AF_INET>(host)) {
    peer.host = std::move(*four);
    return peer;
  }
  if (normalised<in6_addr, AF_INET6>(host))
    return mistake("an IPv6 address stands in brackets", fmt::format("write \"[{}]:{}\"", host, port));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  if (!is_host_name(host) || looks_numeric(host))
    return mistake(fmt::format("\"{}\" is not an address or a name", host), "such as \"127.0.0.1:9000\"");
  peer.kind = Peer::Kind::kName;
  peer.host = std::move(host);
  return peer;
}

Parsed parse_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()));
  if (text.starts_with('/')) return mistake("this is a path", fmt::format("write \"unix:{}\"", text));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.back() == ']') {
    if (number_of(text))
      return mistake("the address is missing", fmt::format("write \"127.0.0.1:{}\"", text));
    return mistake("the port is missing", fmt::format("write \"{}:9000\"", text));
  }
  const auto port = number_of(text.substr(colon + 1));
  if (!port || *port == 0 || *port > UINT16_MAX) {
    return mistake(fmt::format("\"{}\" is not a port", text.substr(colon + 1)), "a number from 1 to 65535");
  }
  return parse_host(std::string(text.substr(0, colon)), static_cast<uint16_t>(*port));
}

std::optional<PeerMistake> set_number(Peer& peer, std::string_view word) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const bool is_weight = name == "weight";
  if (equals == std::string_view::npos || (!is_weight && name != "concurrency")) {
    return PeerMistake{fmt::format("\"{}\" is not known", word),
                       "behind the address: weight=NUMBER, concurrency=NUMBER"};
  }
  const uint32_t most = is_weight ? Peer::kMostWeight : Peer::kMostConcurrency;
  const auto number = number_of(word.substr(equals + 1));
  if (!number || *number < 1 || *number > most)
    return PeerMistake{fmt::format("\"{}\" is out of range", word), fmt::format("from 1 to {}", most)};
  (is_weight ? peer.weight : peer.concurrency) = *number;
  return std::nullopt;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

Parsed parse_peer(std::string_view text) {
  const std::string_view address = take_word(text);
  if (address.empty()) return mistake("an address is missing", "such as \"127.0.0.1:9000\"");
  Parsed peer = parse_address(address);
  if (!peer) return peer;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (auto wrong = set_number(*peer, word)) return std::unexpected(std::move(*wrong));
  }
  return peer;
}

std::string address_text(const Peer& peer) {
  switch (peer.kind) {
    case Peer::Kind::kUnix: return "unix:" + peer.path;
    case Peer::Kind::kIpv6: return fmt::format("[{}]:{}", peer.host, peer.port);
    case Peer::Kind::kIpv4:
    case Peer::Kind::kName: break;
  }
  return fmt::format("{}:{}", peer.host, peer.port);
}

std::string to_string(const Peer& peer) {
  std::string text = address_text(peer);
  if (peer.weight != 1) text += fmt::format(" weight={}", peer.weight);
  if (peer.concurrency != 0) text += fmt::format(" concurrency={}", peer.concurrency);
  return text;
}

}  // namespace remuda::base

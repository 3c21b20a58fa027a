// SPDX-License-Identifier: Apache-2.0
//
// Parsing and writing of durations, sizes and addresses.
#include "config/quantity.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>

namespace remuda::config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
// From small to large.
constexpr std::array<Unit, 5> kDurationUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> kSizeUnits{
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};

template <size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// The digits at the head of the text, taken off it.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::string_view take_letters(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && (text[length] < '0' || text[length] > '9')) ++length;
  const std::string_view letters = text.substr(0, length);
  text.remove_prefix(length);
  return letters;
}

std::optional<uint64_t> scaled(uint64_t number, uint64_t factor) {
  uint64_t result = 0;
  if (__builtin_mul_overflow(number, factor, &result) || result > INT64_MAX) return std::nullopt;
  return result;
}

template <size_t N>
std::string with_largest_unit(const std::array<Unit, N>& units, uint64_t amount) {
  const Unit* best = units.data();
  for (const Unit& unit : units) {
    if (amount != 0 && amount % unit.factor == 0) best = &unit;
  }
  return fmt::format("{}{}", amount / best->factor, best->name);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "0") return Duration::zero();
  uint64_t total = 0;
  while (!text.empty()) {
    const auto number = take_number(text);
    const Unit* unit = find_unit(kDurationUnits, take_letters(text));
    if (!number || unit == nullptr) return std::nullopt;
    const auto part = scaled(*number, unit->factor);
    if (!part || *part > INT64_MAX - total) return std::nullopt;
    total += *part;
  }
  return Duration(static_cast<int64_t>(total));
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  return with_largest_unit(kDurationUnits, static_cast<uint64_t>(duration.count()));
}

std::optional<Bytes> parse_size(std::string_view text) {
  if (text == "0") return Bytes{};
  const auto number = take_number(text);
  const Unit* unit = find_unit(kSizeUnits, text);
  if (!number || unit == nullptr) return std::nullopt;
  const auto size = scaled(*number, unit->factor);
  return size ? std::optional(Bytes{*size}) : std::nullopt;
}

std::string format_size(Bytes size) { return with_largest_unit(kSizeUnits, size.count); }

std::optional<Bytes> guess_size(std::string_view text) {
  const auto number = take_number(text);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  if (!number) return std::nullopt;
  if (text.empty()) return Bytes{*number};
  const char letter = static_cast<char>(text.front() | 0x20);
  for (const Unit& unit : kSizeUnits) {
    if (static_cast<char>(unit.name.front() | 0x20) != letter) continue;
    const auto size = scaled(*number, unit.factor);
    return size ? std::optional(Bytes{*size}) : std::nullopt;
  }
  return std::nullopt;
}

std::string absolute_path(std::string_view text, const std::string& base_directory) {
  std::string path = (std::filesystem::path(base_directory) / std::filesystem::path(text)).lexically_normal();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

namespace {

using AddressResult = std::expected<Address, AddressMistake>;

AddressResult parse_unix(std::string_view path, const std::string& base_directory) {
  if (path.empty())
    return std::unexpected(AddressMistake{"a path is missing", "such as \"unix:/run/remuda.sock\""});
  Address address{Address::Family::kUnix, "", 0, std::string(path)};
  if (path.front() != '@') address.path = absolute_path(path, base_directory);
  if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return std::unexpected(AddressMistake{
        "the path is longer than the 107 bytes that a socket's name may have", "use a shorter one"});
  }
  return address;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto number = take_number(text);
  if (!number || !text.empty() || *number > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

// The numeric form that the kernel would print, so that equal addresses are equal texts.
template <class Number, int family>
std::optional<std::string> normalised(const std::string& host) {
  Number number{};
  if (::inet_pton(family, host.c_str(), &number) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  return std::string(::inet_ntop(family, &number, text.data(), text.size()));
}

AddressMistake host_mistake(std::string_view host, uint16_t port) {
  if (host.empty() || host == "*") {
    return {"the address is missing",
            fmt::format("\"127.0.0.1:{0}\" is this machine only, \"0.0.0.0:{0}\" every IPv4 "
                        "address, \"[::]:{0}\" every IPv6 address",
                        port)};
  }
  return {fmt::format("\"{}\" is not a numeric address", host), "such as \"127.0.0.1\" or \"[::1]\""};
}

}  // namespace

AddressResult parse_address(std::string_view text, const std::string& base_directory) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return parse_unix(text.substr(kUnix.size()), base_directory);
  if (text.starts_with('/'))
    return std::unexpected(AddressMistake{"this is a path", fmt::format("write \"unix:{}\"", text)});

  const size_t colon = text.rfind(':');
  const bool bracket = text.starts_with('[');
  const bool has_port = colon != std::string_view::npos && !(bracket && text.back() == ']');
  if (!has_port) {
    const auto only_port = parse_port(text);
    return std::unexpected(AddressMistake{
        only_port ? "the address is missing" : "the port is missing",
        fmt::format("write \"{}:{}\"", only_port ? "127.0.0.1" : text, only_port ? text : "8080")});
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) {
    return std::unexpected(AddressMistake{fmt::format("\"{}\" is not a port", text.substr(colon + 1)),
                                          "a number from 0 to 65535; 0 lets the kernel choose"});
  }
  std::string host(text.substr(0, colon));
  if (bracket && host.ends_with(']')) {
    const auto six = normalised<in6_addr, AF_INET6>(host.substr(1, host.size() - 2));
    if (six) return Address{Address::Family::kIpv6, *six, *port, ""};
    return std::unexpected(
        AddressMistake{fmt::format("\"{}\" is not an IPv6 address", host), "such as \"[::1]\""});
  }
  if (host == "localhost") host = "127.0.0.1";
  if (const auto four = normalised<in_addr, AF_INET>(host))
    return Address{Address::Family::kIpv4, *four, *port, ""};
  if (normalised<in6_addr, AF_INET6>(host)) {
    return std::unexpected(
        AddressMistake{"an IPv6 address stands in brackets", fmt::format("write \"[{}]:{}\"", host, *port)});
  }
  return std::unexpected(host_mistake(host, *port));
}

std::string to_string(const Address& address) {
  switch (address.family) {
    case Address::Family::kIpv4: return fmt::format("{}:{}", address.host, address.port);
    case Address::Family::kIpv6: return fmt::format("[{}]:{}", address.host, address.port);
    case Address::Family::kUnix: break;
  }
  return "unix:" + address.path;
}

}  // namespace remuda::config

// SPDX-License-Identifier: Apache-2.0
//
// Addresses of each family as text.
#include "http/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace remuda::http {
namespace {

template <class Sockaddr>
Address address(const Sockaddr& its) {
  sockaddr_storage storage{};
  std::memcpy(&storage, &its, sizeof its);
  return Address::from(storage);
}

Address v4(const char* text, uint16_t port) {
  sockaddr_in its{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  EXPECT_EQ(::inet_pton(AF_INET, text, &its.sin_addr), 1);
  return address(its);
}

Address v6(const char* text, uint16_t port) {
  sockaddr_in6 its{};
  its.sin6_family = AF_INET6;
  its.sin6_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET6, text, &its.sin6_addr), 1);
  return address(its);
}

std::string ip_of(const Address& address) {
  std::array<char, kAddressText> room;
  return std::string(address.ip(room));
}

TEST(AddressTest, V4IsDotted) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "192.0.2.10", "255.255.255.255", "10.200.3.99"})
    EXPECT_EQ(ip_of(v4(text, 80)), text);
  EXPECT_EQ(v4("192.0.2.1", 8080).port(), 8080);
  EXPECT_EQ(v4("192.0.2.1", 8080).family(), AF_INET);
}

TEST(AddressTest, V6IsAsItsStandardWritesIt) {
  for (const char* text : {"::", "::1", "2001:db8::8a2e:370:7334", "fe80::1"})
    EXPECT_EQ(ip_of(v6(text, 80)), text);
  EXPECT_EQ(v6("::1", 443).port(), 443);
}

TEST(AddressTest, V4OnADualStackListenerIsV4) { EXPECT_EQ(ip_of(v6("::ffff:192.0.2.7", 80)), "192.0.2.7"); }

TEST(AddressTest, AUnixSocketHasNone) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  const Address address = Address::from(storage);
  EXPECT_EQ(ip_of(address), "");
  EXPECT_EQ(address.port(), 0);
}

}  // namespace
}  // namespace remuda::http

// SPDX-License-Identifier: Apache-2.0
//
// Sockets that are bound to addresses of the loopback network, told apart by their local ends.
#include "http/local_ends.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "base/fd.h"

namespace remuda::http {
namespace {

// A socket that is bound to an address of the loopback network, as an accepted connection is.
base::Fd bound(const std::string& ip, uint16_t port) {
  base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, ip.c_str(), &address.sin_addr), 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

class LocalEndsTest : public testing::Test {
 public:
  std::string found(const Endpoints& connection) {
    const LocalEnd& end = ends_.of(connection);
    return std::string(end.ip()) + " " + std::to_string(end.port);
  }

  LocalEnds ends_;
};

TEST_F(LocalEndsTest, SaysWhereAConnectionCameIn) {
  const base::Fd socket = bound("127.0.0.7", 0);
  const Endpoints connection{.socket = socket.get()};
  EXPECT_EQ(found(connection), "127.0.0.7 " + std::to_string(local_address(socket.get()).port()));
}

TEST_F(LocalEndsTest, AsksOnceForEachConnection) {
  base::Fd socket = bound("127.0.0.7", 0);
  const Endpoints connection{.socket = socket.get()};
  const std::string before = found(connection);
  socket.reset();
  EXPECT_EQ(found(connection), before);
}

TEST_F(LocalEndsTest, ConnectionsOfOneEndShareItsNumber) {
  const base::Fd one = bound("127.0.0.7", 0);
  const base::Fd same(::dup(one.get()));
  const base::Fd other = bound("127.0.0.8", 0);
  const Endpoints first{.socket = one.get()};
  const Endpoints second{.socket = other.get()};
  const Endpoints third{.socket = same.get()};
  for (const Endpoints* connection : {&first, &second, &third}) found(*connection);
  EXPECT_EQ(first.local_end, third.local_end);
  EXPECT_NE(first.local_end, second.local_end);
  EXPECT_EQ(found(third), found(first));
  EXPECT_NE(found(third), found(second));
}

TEST_F(LocalEndsTest, MoreEndsThanNumbersAreAskedForEachTime) {
  for (int i = 1; i <= 300; ++i) {
    const std::string ip = "127.0." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    const base::Fd socket = bound(ip, 0);
    const Endpoints connection{.socket = socket.get()};
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(found(connection), ip + " " + std::to_string(local_address(socket.get()).port()));
    }
    EXPECT_EQ(connection.local_end != 0, i <= 254);
  }
}

TEST_F(LocalEndsTest, AUnixSocketHasNoAddress) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const base::Fd near(pair[0]);
  const base::Fd far(pair[1]);
  EXPECT_EQ(found(Endpoints{.socket = near.get()}), " 0");
}

}  // namespace
}  // namespace remuda::http

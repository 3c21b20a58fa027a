// SPDX-License-Identifier: Apache-2.0
//
// Real listening sockets on free ports of 127.0.0.1 and in a directory of the test's own: what a person reads
// when one cannot be had, and what becomes of socket files.
#include "server/listening.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace remuda::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

config::Listener tcp(uint16_t port = 0, std::string host = "127.0.0.1") {
  config::Listener made;
  made.address.host = std::move(host);
  made.address.port = port;
  return made;
}

config::Listener local(std::string path) {
  config::Listener made;
  made.address = {.family = config::Address::Family::kUnix, .host = "", .port = 0, .path = std::move(path)};
  return made;
}

uint16_t port_of(const ListeningSocket& listening) {
  return static_cast<uint16_t>(std::stoi(listening.url.substr(listening.url.rfind(':') + 1)));
}

class ListeningTest : public testing::Test {
 protected:
  ListeningTest() { EXPECT_NE(::mkdtemp(directory_), nullptr); }
  ~ListeningTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name = "socket") const { return std::string(directory_) + "/" + name; }
  static std::string error_of(const config::Listener& listener) {
    const auto opened = open_listeners({listener});
    return opened ? "" : opened.error();
  }
  static bool exists(const std::string& file) { return std::filesystem::exists(file); }
  static bool can_connect(const std::string& file) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, file.data(), file.size());
    const base::Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }

  char directory_[32] = "/tmp/listening_test.XXXXXX";
};

TEST_F(ListeningTest, TheUrlHasThePortThatTheKernelChose) {
  const auto opened = open_listeners({tcp(), tcp()});
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->size(), 2U);
  for (const ListeningSocket& each : *opened) {
    EXPECT_THAT(each.url, MatchesRegex("http://127.0.0.1:[0-9]+"));
    EXPECT_NE(port_of(each), 0);
    EXPECT_EQ(each.unlink_path, "");
    EXPECT_NE(::fcntl(each.socket.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(each.socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_NE(port_of(opened->front()), port_of(opened->back()));
}

TEST_F(ListeningTest, TheUrlOfIpv6HasBrackets) {
  config::Listener listener = tcp(0, "::1");
  listener.address.family = config::Address::Family::kIpv6;
  const auto opened = open_listeners({listener});
  if (!opened) GTEST_SKIP() << opened.error();
  EXPECT_THAT(opened->front().url, MatchesRegex("http://\\[::1\\]:[0-9]+"));
}

TEST_F(ListeningTest, APortInUseIsSaidSo) {
  const auto first = open_listeners({tcp()});
  ASSERT_TRUE(first);
  const std::string port = std::to_string(port_of(first->front()));
  EXPECT_THAT(error_of(tcp(port_of(first->front()))),
              AllOf(HasSubstr("cannot listen on 127.0.0.1:" + port + ": Address already in use"),
                    HasSubstr("another program listens there"), HasSubstr("sport = :" + port)));
}

TEST_F(ListeningTest, AnAddressOfAnotherMachineIsSaidSo) {
  EXPECT_THAT(error_of(tcp(0, "192.0.2.1")), HasSubstr("no interface of this machine has that address"));
}

TEST_F(ListeningTest, AMissingDirectoryIsSaidSo) {
  const std::string socket = path("missing/socket");
  EXPECT_THAT(error_of(local(socket)), AllOf(HasSubstr("cannot listen on unix:" + socket),
                                             HasSubstr("the directory of the socket does not exist")));
}

TEST_F(ListeningTest, ADirectoryThatCannotBeWrittenIsSaidSo) {
  ASSERT_EQ(::chmod(directory_, 0500), 0);
  const bool root = ::geteuid() == 0;
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  const std::string error = error_of(local(path()));
  if (root) ASSERT_EQ(::seteuid(0), 0);
  ASSERT_EQ(::chmod(directory_, 0700), 0);
  EXPECT_THAT(error, AllOf(HasSubstr("Permission denied"), HasSubstr("ports below 1024 need root"),
                           HasSubstr("a directory that can be written")));
}

TEST_F(ListeningTest, AUnixSocketIsForItsUserAndGroup) {
  const auto opened = open_listeners({local(path())});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->front().url, "unix:" + path());
  EXPECT_EQ(opened->front().unlink_path, path());
  struct stat facts{};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0660U);
  EXPECT_TRUE(can_connect(path()));
}

TEST_F(ListeningTest, ASocketThatWasLeftOverIsReplaced) {
  ASSERT_TRUE(open_listeners({local(path())}));  // closed at once; the file stays
  ASSERT_TRUE(exists(path()));
  ASSERT_FALSE(can_connect(path()));
  const auto opened = open_listeners({local(path())});
  ASSERT_TRUE(opened);
  EXPECT_TRUE(can_connect(path()));
}

TEST_F(ListeningTest, ASocketInUseStays) {
  const auto first = open_listeners({local(path())});
  ASSERT_TRUE(first);
  EXPECT_THAT(error_of(local(path())),
              AllOf(HasSubstr("another program listens there"), testing::Not(HasSubstr("sport"))));
  EXPECT_TRUE(can_connect(path()));
}

TEST_F(ListeningTest, ASocketInUseWithAFullQueueStays) {
  config::Listener listener = local(path());
  listener.backlog = 0;
  const auto first = open_listeners({listener});
  ASSERT_TRUE(first);
  std::vector<base::Fd> waiting;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path().data(), path().size());
  for (int connected = 0; connected == 0;) {
    waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    connected = ::connect(waiting.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  EXPECT_THAT(error_of(listener), HasSubstr("another program listens there"));
  EXPECT_TRUE(exists(path()));
}

TEST_F(ListeningTest, AFileThatIsNoSocketStays) {
  std::ofstream(path()) << "precious";
  EXPECT_THAT(error_of(local(path())), HasSubstr("a file that is no socket is in the way"));
  EXPECT_EQ(std::filesystem::file_size(path()), 8U);
}

TEST_F(ListeningTest, AnAbstractNameIsNoFile) {
  const std::string name = "@remuda-listening-test-" + std::to_string(::getpid());
  const auto opened = open_listeners({local(name)});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->front().unlink_path, "");
  EXPECT_THAT(error_of(local(name)), HasSubstr("another program listens there"));
}

TEST_F(ListeningTest, AllOrNone) {
  EXPECT_FALSE(open_listeners({local(path()), local(path("missing/socket"))}));
  EXPECT_FALSE(exists(path()));
}

// A descriptor number that nothing else has, for what somebody else has bound.
int as_passed_in(const base::Fd& socket) { return ::fcntl(socket.get(), F_DUPFD, 300); }

TEST_F(ListeningTest, WhatIsPassedInIsTaken) {
  const auto opened = open_listeners({tcp()});
  ASSERT_TRUE(opened);
  const int number = as_passed_in(opened->front().socket);
  const auto adopted = adopt_listeners(number, 1);
  ASSERT_TRUE(adopted);
  ASSERT_EQ(adopted->size(), 1U);
  EXPECT_EQ(adopted->front().socket.get(), number);
  EXPECT_EQ(adopted->front().url, opened->front().url);
  EXPECT_EQ(adopted->front().unlink_path, "");
  EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ListeningTest, AUnixSocketThatIsPassedInBelongsToWhoPassedIt) {
  const auto opened = open_listeners({local(path())});
  ASSERT_TRUE(opened);
  const auto adopted = adopt_listeners(as_passed_in(opened->front().socket), 1);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->front().unlink_path, "");
}

TEST_F(ListeningTest, WhatDoesNotListenIsRefused) {
  const base::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  const base::Fd passed(as_passed_in(socket));
  const auto adopted = adopt_listeners(passed.get(), 1);
  ASSERT_FALSE(adopted);
  EXPECT_THAT(adopted.error(), AllOf(HasSubstr("descriptor " + std::to_string(passed.get())),
                                     HasSubstr("no listening socket"), HasSubstr("ListenStream=")));
}

}  // namespace
}  // namespace remuda::server

// SPDX-License-Identifier: Apache-2.0
//
// How connections of a program that listens come and go.
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"
#include "remuda_app.h"
#include "testing_program.h"

namespace remuda::app {
namespace {

using testing::begin;
using testing::Listening;
using testing::record;
using testing::request;
using testing::stream;

// The child has copies of all descriptors, and epoll goes on reporting what any of them refers to.
TEST_F(Listening, AChildThatStaysHoldsNoConnection) {
  open();
  connect();
  send(begin(1, Role::kResponder, false) + stream(RecordType::kParams, 1, ""));
  remuda_request* asked = remuda_accept(app_);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(remuda_accept_within(app_, 0), nullptr) << "epoll knows the connection now";
  int until[2];
  ASSERT_EQ(pipe(until), 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    ::close(until[1]);
    ::close(server());
    _exit(read(until[0], &byte, 1) == 0 ? 0 : 1);
  }
  send(record(RecordType::kStdin, 1, ""));
  EXPECT_EQ(remuda_accept_within(app_, 0), nullptr);
  remuda_finish(asked, 0);
  wait_for(1);
  char byte;
  EXPECT_EQ(recv(server(), &byte, 1, 0), 0) << "it ends though the child lives";
  connect();
  send(request(1, {}));
  asked = remuda_accept_within(app_, 1000);
  ASSERT_NE(asked, nullptr);
  remuda_finish(asked, 0);
  EXPECT_TRUE(wait_for(1).ended);
  ::close(until[0]);
  ::close(until[1]);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

void end_when_shut_down(remuda_app* app, int listener, int how) {
  ASSERT_NE(app, nullptr);
  EXPECT_EQ(remuda_accept_within(app, 0), nullptr);
  EXPECT_EQ(errno, ETIMEDOUT);
  shutdown(listener, how);
  EXPECT_EQ(remuda_accept_within(app, 2000), nullptr);
  EXPECT_EQ(errno, 0) << "the end";
}

TEST_F(Listening, EndsWhenNothingWillBeAcceptedAnyMore) {
  open();
  end_when_shut_down(app_, sockets_[1], SHUT_RDWR);
}

TEST_F(Listening, EndsWhenNothingWillBeReceivedAnyMore) {
  open();
  end_when_shut_down(app_, sockets_[1], SHUT_RD);
}

TEST_F(Listening, EndsWhenNothingWillBeAcceptedOverTcpAnyMore) {
  options_.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in home{};
  home.sin_family = AF_INET;
  home.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(options_.fd, reinterpret_cast<sockaddr*>(&home), sizeof(home)), 0);
  ASSERT_EQ(listen(options_.fd, 8), 0);
  open();
  end_when_shut_down(app_, options_.fd, SHUT_RDWR);
  ::close(options_.fd);
}

TEST(PeerList, AnEmptyOneIsForEverybody) {
  sockaddr_storage peer{};
  peer.ss_family = AF_INET;
  PeerList list;
  EXPECT_TRUE(list.parse(nullptr) && list.admits(peer));
  EXPECT_TRUE(list.parse("") && list.admits(peer));
  EXPECT_TRUE(list.parse("127.0.0.1") && !list.admits(peer));
  EXPECT_FALSE(list.parse("localhost"));
}

// --- the program's event loop

class Stepping : public Listening {
 protected:
  void SetUp() override {
    Listening::SetUp();
    handler_.context = this;
    handler_.request = [](remuda_request*, void* context) {
      ++static_cast<Stepping*>(context)->begun_;
      return 0;
    };
    open();
    steps_for(0);
  }
  // As a program does it: steps are taken when the descriptor says so.
  void steps_for(int milliseconds) {
    pollfd what{.fd = remuda_fd(app_), .events = POLLIN, .revents = 0};
    while (poll(&what, 1, milliseconds) == 1) ASSERT_EQ(remuda_step(app_, &handler_, 0), 1);
  }

  remuda_handler handler_{};
  int begun_ = 0;
};

TEST_F(Stepping, AcceptsAgainAfterThereWasNoDescriptor) {
  connect();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(0);
  ::close(next);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  steps_for(50);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  send(request(1, {}));
  steps_for(300);
  EXPECT_EQ(begun_, 1);
}

TEST_F(Stepping, AServerThatDoesNotCloseIsLeftInTime) {
  connect();
  send(begin(1, Role::kResponder, false) + stream(RecordType::kParams, 1, ""));
  steps_for(100);
  EXPECT_TRUE(wait_for(1).ended);
  ASSERT_EQ(::send(server(), "", 1, MSG_NOSIGNAL), 1) << "what it still sends is taken";
  steps_for(2500);
  EXPECT_EQ(::send(server(), "", 1, MSG_NOSIGNAL), -1);
}

}  // namespace
}  // namespace remuda::app

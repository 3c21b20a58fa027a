// SPDX-License-Identifier: Apache-2.0
//
// What one end of a control socket says and the other hears, and how the end of each looks to the other.
#include "server/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace remuda::server {
namespace {

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    supervisor_.reset(ends[0]);
    worker_.reset(ends[1]);
  }
  int receive_error(const base::Fd& end) {
    const auto got = receive_control(end.get());
    return got ? 0 : got.error().code;
  }

  base::Fd supervisor_;
  base::Fd worker_;
};

TEST_F(ControlTest, EachMessageArrivesAsItself) {
  const auto all = {ControlMessage::kDrain, ControlMessage::kStop, ControlMessage::kReopenLogs,
                    ControlMessage::kReady};
  for (const ControlMessage message : all) ASSERT_TRUE(send_control(supervisor_.get(), message));
  for (const ControlMessage message : all) {
    const auto got = receive_control(worker_.get());
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, message);
  }
  EXPECT_EQ(receive_error(worker_), EAGAIN);
}

TEST_F(ControlTest, OtherBytesAreNoMessage) {
  for (const char byte : {'\0', 'x', 'D'}) {
    EXPECT_EQ(::send(supervisor_.get(), &byte, 1, 0), 1);
    EXPECT_EQ(receive_error(worker_), EPROTO);
  }
  ASSERT_TRUE(send_control(supervisor_.get(), ControlMessage::kStop));
  EXPECT_EQ(receive_error(worker_), 0);
}

TEST_F(ControlTest, TheEndIsHeardAfterTheLastMessage) {
  ASSERT_TRUE(send_control(supervisor_.get(), ControlMessage::kDrain));
  supervisor_.reset();
  EXPECT_EQ(receive_error(worker_), 0);
  EXPECT_EQ(receive_error(worker_), EPIPE);
  EXPECT_EQ(receive_error(worker_), EPIPE);
}

TEST_F(ControlTest, OneThatEndsWithoutHavingHeardIsGoneAsWell) {
  ASSERT_TRUE(send_control(worker_.get(), ControlMessage::kReady));
  supervisor_.reset();
  EXPECT_EQ(receive_error(worker_), EPIPE);
}

TEST_F(ControlTest, NobodyIsSpokenTo) {
  supervisor_.reset();
  const auto sent = send_control(worker_.get(), ControlMessage::kReady);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, EPIPE);
}

TEST_F(ControlTest, NobodyWaitsForOneThatDoesNotRead) {
  base::Result<void> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = send_control(supervisor_.get(), ControlMessage::kDrain);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, EAGAIN);
}

}  // namespace
}  // namespace remuda::server

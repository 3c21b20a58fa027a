// SPDX-License-Identifier: Apache-2.0
//
// When the gate is full, and when connections should end. An eventfd stands for a listener: it is readable as
// a listener with a waiting client is.
#include "server/gate.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "loop/backend/deterministic.h"

namespace remuda::server {
namespace {

using namespace std::chrono_literals;

class GateTest : public testing::Test {
 protected:
  void let_a_client_wait() { EXPECT_EQ(::eventfd_write(listener_.get(), 1), 0); }
  void take_the_client() {
    eventfd_t value = 0;
    EXPECT_EQ(::eventfd_read(listener_.get(), &value), 0);
  }
  loop::Task<void> wait_for_a_change(loop::Duration patience) {
    const auto changed = co_await gate_.changed(loop_.now() + patience);
    result_ = changed ? 0 : changed.error().code;
    ended_ = loop_.now() - began_;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  Gate gate_{loop_, 2};
  base::Fd listener_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  int result_ = -1;
  loop::Time began_ = backend_.now();
  loop::Duration ended_{};
};

TEST_F(GateTest, IsFullWithAsManyAsItTakes) {
  EXPECT_EQ(gate_.most(), 2U);
  gate_.enter();
  EXPECT_FALSE(gate_.is_full());
  gate_.enter();
  EXPECT_TRUE(gate_.is_full());
  gate_.leave();
  EXPECT_FALSE(gate_.is_full());
  EXPECT_EQ(gate_.inside(), 1U);
}

TEST_F(GateTest, ConnectionsEndForAClientThatWaitsAtAFullGate) {
  gate_.add_listener(listener_.get());
  let_a_client_wait();
  EXPECT_FALSE(gate_.should_close());  // there is room
  gate_.enter();
  gate_.enter();
  EXPECT_TRUE(gate_.should_close());
  take_the_client();
  EXPECT_FALSE(gate_.should_close());
}

TEST_F(GateTest, AnyListenerCounts) {
  const base::Fd quiet(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  gate_.add_listener(quiet.get());
  gate_.add_listener(listener_.get());
  gate_.enter();
  gate_.enter();
  EXPECT_FALSE(gate_.should_close());
  let_a_client_wait();
  EXPECT_TRUE(gate_.should_close());
}

TEST_F(GateTest, ConnectionsEndOnceItIsClosed) {
  gate_.close();
  EXPECT_TRUE(gate_.is_closed());
  EXPECT_TRUE(gate_.should_close());
  EXPECT_FALSE(gate_.is_full());
}

TEST_F(GateTest, WhoWaitsHearsThatOneHasLeft) {
  gate_.enter();
  backend_.after(1s, [this] { gate_.leave(); });
  loop_.root().spawn(wait_for_a_change(5s));
  loop_.run();
  EXPECT_EQ(result_, 0);
  EXPECT_EQ(ended_, 1s);
}

TEST_F(GateTest, WhoWaitsHearsThatItHasClosed) {
  backend_.after(1s, [this] { gate_.close(); });
  loop_.root().spawn(wait_for_a_change(5s));
  loop_.run();
  EXPECT_EQ(result_, 0);
}

TEST_F(GateTest, WhoWaitsInVainIsToldSo) {
  loop_.root().spawn(wait_for_a_change(5s));
  loop_.run();
  EXPECT_EQ(result_, ETIMEDOUT);
}

}  // namespace
}  // namespace remuda::server

// SPDX-License-Identifier: Apache-2.0
//
// Bytes in order, from memory and from the disk, with a disk that fails, and under every failure.
#include "gateway/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "loop/backend/every_failure.h"

namespace remuda::gateway {
namespace {

using Room = Inbox::Room;

std::string piece(size_t number) {
  std::string text(50'000, static_cast<char>('a' + number % 26));
  return text.replace(0, 8, std::to_string(10'000'000 + number));
}

loop::Task<void> take_all(Inbox& inbox, std::string& into, base::Result<void>& result) {
  std::array<std::byte, 3000> room;
  while (true) {
    const size_t count = inbox.take(room);
    into.append(reinterpret_cast<const char*>(room.data()), count);
    if (count > 0) continue;
    if (inbox.is_empty()) co_return;
    result = co_await inbox.load();
    if (!result) co_return;
  }
}

class InboxTest : public ::testing::Test {
 protected:
  void append(Inbox& inbox, size_t number) {
    inbox.append(piece(number));
    expected_ += piece(number);
    if (inbox.wants_store()) loop_.root().spawn(inbox.store());
    loop_.turn(loop_.now());
  }
  std::string take(Inbox& inbox) {
    std::string text;
    base::Result<void> result;
    loop_.root().spawn(take_all(inbox, text, result));
    loop_.run();
    EXPECT_TRUE(result);
    return text;
  }

  loop::DeterministicBackend backend_;
  loop::Loop loop_{backend_};
  loop::Offload offload_{0, 16};
  std::string expected_;
};

TEST_F(InboxTest, KeepsTheOrderThroughTheDisk) {
  Inbox inbox(loop_, offload_, {100'000, 10'000'000, "/tmp"});
  std::string text;
  for (size_t round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 40; ++i) append(inbox, i);
    EXPECT_EQ(inbox.room(), Room::kYes);
    text += take(inbox);
    EXPECT_EQ(text, expected_);
    EXPECT_TRUE(inbox.is_empty());
  }
}

TEST_F(InboxTest, HasRoomForWhatIsBehindNotForWhatHasGone) {
  Inbox inbox(loop_, offload_, {100'000, 300'000, "/tmp"});
  size_t number = 0;
  for (int i = 0; i < 200; ++i) {
    while (inbox.room() == Room::kYes) append(inbox, number++);
    std::array<std::byte, 60'000> room;
    while (inbox.take(room) == 0) {
      loop_.root().spawn([](Inbox& its) -> loop::Task<void> { co_await its.load(); }(inbox));
      loop_.run();
    }
  }
  EXPECT_GT(number, 100U) << "much more than the disk has room for went through";
}

TEST_F(InboxTest, MemoryAloneIsABound) {
  Inbox inbox(loop_, offload_, {100'000, 0, "/tmp"});
  append(inbox, 0);
  append(inbox, 1);
  EXPECT_EQ(inbox.room(), Room::kYes);
  append(inbox, 2);
  EXPECT_EQ(inbox.room(), Room::kNo);
  EXPECT_EQ(take(inbox), expected_);
  EXPECT_EQ(inbox.room(), Room::kYes);
}

TEST_F(InboxTest, ADiskThatFailsLosesNothing) {
  Inbox inbox(loop_, offload_, {100'000, 10'000'000, "/no/such/directory"});
  for (size_t i = 0; i < 8; ++i) append(inbox, i);
  EXPECT_EQ(inbox.room(), Room::kNo);
  EXPECT_EQ(take(inbox), expected_);
  EXPECT_EQ(inbox.room(), Room::kYes);
}

TEST(InboxUnderEveryFailure, LosesNothing) {
  const auto complaints =
      loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
        loop::Offload offload(0, 16);
        Inbox inbox(loop, offload, {60'000, 10'000'000, "/tmp"});
        std::string expected;
        for (size_t i = 0; i < 6; ++i) {
          inbox.append(piece(i));
          expected += piece(i);
          if (inbox.wants_store()) loop.root().spawn(inbox.store());
        }
        std::string text;
        base::Result<void> result;
        loop.root().spawn(take_all(inbox, text, result));
        loop.run();
        if (result) EXPECT_EQ(text, expected);
        if (!backend.has_failed()) EXPECT_TRUE(result);
      });
  EXPECT_THAT(complaints, ::testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::gateway

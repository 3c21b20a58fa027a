// SPDX-License-Identifier: Apache-2.0
//
// One request's input and output as they touch each other: what was written leaves before reading waits, and
// aborts are found whoever waits for what.
#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <thread>

#include "remuda_app.h"
#include "testing_program.h"

namespace remuda::app {
namespace {

using testing::begin;
using testing::Program;
using testing::record;
using testing::request;
using testing::stream;
using testing::unread_body;

class Exchange : public Program {
 protected:
  remuda_request* begun() {
    open();
    send(begin(1) + stream(RecordType::kParams, 1, ""));
    return remuda_accept(app_);
  }
};

TEST_F(Exchange, WhatWasWrittenLeavesBeforeReadingWaits) {
  remuda_request* asked = begun();
  remuda_puts(asked, "ready");
  std::thread peer([this] {
    read_some();
    EXPECT_EQ(answers_[1].output, "ready");
    send(stream(RecordType::kStdin, 1, "go on"));
  });
  char bytes[16];
  EXPECT_EQ(remuda_read(asked, bytes, sizeof(bytes)), 5);
  peer.join();
  remuda_finish(asked, 0);
}

TEST_F(Exchange, WhatWasWrittenLeavesWhenThereIsNothingToReadNow) {
  remuda_request* asked = begun();
  remuda_puts(asked, "ready");
  char bytes[16];
  EXPECT_EQ(remuda_read_now(asked, bytes, sizeof(bytes)), -1);
  EXPECT_EQ(errno, EAGAIN);
  read_some();
  EXPECT_EQ(answers_[1].output, "ready");
  remuda_finish(asked, 0);
}

TEST_F(Exchange, SmallRecordsThatWaitShareMemory) {
  remuda_request* asked = begun();
  testing::refuse_memory(SIZE_MAX);
  for (int i = 0; i < 5'000; ++i) {
    char byte;
    ASSERT_EQ(remuda_puts(asked, "x"), 1);
    ASSERT_EQ(remuda_read_now(asked, &byte, 1), -1);
  }
  EXPECT_LT(testing::memory_requests(), 50U);
  remuda_finish(asked, 0);
}

TEST_F(Exchange, AnAbortBehindABodyIsNoticedWhileAnotherThreadAccepts) {
  remuda_request* asked = begun();
  std::thread other([this] { EXPECT_EQ(remuda_accept(app_), nullptr); });
  const std::string wire = unread_body().substr(16 + 8);
  const size_t sent = push(wire, [] { return false; });
  ASSERT_LT(sent, wire.size()) << "it rests";
  const std::string rest = wire.substr(sent) + record(RecordType::kAbortRequest, 1, "");
  push(rest, [&] { return remuda_aborted(asked) == 1; });
  for (int i = 0; i < 500 && remuda_aborted(asked) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(remuda_aborted(asked), 1);
  remuda_finish(asked, 0);
  leave();
  other.join();
}

// Its answer still leaves, and there is room again; but the program knows it no more.
TEST_F(Exchange, AFinishedRequestIsNoNews) {
  open();
  send(request(1, {}));
  int calls = 0;
  remuda_handler handler{};
  handler.context = &calls;
  handler.request = [](remuda_request* asked, void*) {
    const std::string some(50'000, 'w');
    while (remuda_write_now(asked, some.data(), some.size()) > 0) {
    }
    return REMUDA_LATER;
  };
  handler.writable = [](remuda_request* asked, void* context) {
    if (++*static_cast<int*>(context) > 1) return;
    const std::string some(50'000, 'w');
    while (remuda_write_now(asked, some.data(), some.size()) > 0) {
    }
    remuda_finish(asked, 0);
  };
  while (!answers_[1].ended && !HasFatalFailure()) {
    ASSERT_EQ(remuda_step(app_, &handler, 0), 1);
    read_some();
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace remuda::app

// SPDX-License-Identifier: Apache-2.0
//
// How programs end: by remuda_stop(), by signals, and what is still owed then.
#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "remuda_app.h"
#include "testing_program.h"

namespace remuda::app {
namespace {

using testing::Program;
using testing::request;

constexpr size_t kMuch = 4'000'000;  // more than a connection holds

class Ending : public Program {
 protected:
  // The answer to the only request is written, and nobody takes it.
  void answer_much() {
    options_.output_memory = 2 * kMuch;
    open();
    send(request(1, {}));
    write_much(remuda_accept(app_));
  }
  static void write_much(remuda_request* asked) {
    ASSERT_NE(asked, nullptr);
    const std::string much(kMuch, 'm');
    EXPECT_EQ(remuda_write(asked, much.data(), much.size()), static_cast<ssize_t>(much.size()));
    EXPECT_EQ(remuda_finish(asked, 0), 0);
  }
  // remuda_close() while `turn` is done; what is owed arrives.
  template <class Turn>
  void close_and(Turn turn) {
    std::thread closing([this] { EXPECT_EQ(remuda_close(app_), 0); });
    turn();
    EXPECT_EQ(wait_for(1).output.size(), kMuch);
    closing.join();
    app_ = nullptr;
  }
};

TEST_F(Ending, ServingEndsThoughAServerTakesNothing) {
  options_.output_memory = 2 * kMuch;
  open();
  send(request(1, {}));
  std::atomic<bool> answered = false;
  std::atomic<bool> ended = false;
  remuda_handler handler{};
  handler.context = &answered;
  handler.request = [](remuda_request* asked, void* context) {
    write_much(asked);
    *static_cast<std::atomic<bool>*>(context) = true;
    return REMUDA_LATER;
  };
  std::thread program([&] {
    EXPECT_EQ(remuda_serve(app_, &handler), 0);
    ended = true;
  });
  const auto in_time = [](const std::atomic<bool>& what) {
    for (int i = 0; i < 1000 && !what; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return what.load();
  };
  EXPECT_TRUE(in_time(answered));
  remuda_stop(app_);
  EXPECT_TRUE(in_time(ended));
  if (!ended) wait_for(1);
  program.join();
  close_and([] {});
}

TEST_F(Ending, StepsEndThoughAServerTakesNothing) {
  answer_much();
  remuda_stop(app_);
  remuda_handler handler{};
  handler.request = [](remuda_request*, void*) { return 0; };
  EXPECT_EQ(remuda_step(app_, &handler, 0), 0);
  close_and([] {});
}

class Signals : public Ending {
 protected:
  void SetUp() override {
    Ending::SetUp();
    options_.keep_signals = 0;
  }
  static bool at_default(int number) {
    struct sigaction action{};
    return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_DFL;
  }
  static void has_ended(remuda_app* app) {
    EXPECT_EQ(remuda_accept_within(app, 0), nullptr);
    EXPECT_EQ(errno, 0) << "the end";
  }
};

TEST_F(Signals, EndWhateverIsOpen) {
  int others[2][2];
  remuda_app* apps[2];
  for (int i : {0, 1}) {
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others[i]), 0);
    remuda_options options = options_;
    options.fd = others[i][1];
    apps[i] = remuda_open(&options);
    ASSERT_NE(apps[i], nullptr);
  }
  open();
  remuda_close(apps[1]);  // neither the first nor the last
  raise(SIGTERM);
  has_ended(app_);
  has_ended(apps[0]);
  remuda_close(app_);
  app_ = nullptr;
  EXPECT_FALSE(at_default(SIGTERM));
  remuda_close(apps[0]);
  EXPECT_TRUE(at_default(SIGTERM));
  EXPECT_TRUE(at_default(SIGUSR1));
  for (const auto& one : others) ::close(one[0]);
}

TEST_F(Signals, ComeAgainWhileWhatIsOwedLeaves) {
  answer_much();
  raise(SIGTERM);
  has_ended(app_);
  close_and([] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      raise(SIGTERM);
    }
  });
  EXPECT_TRUE(at_default(SIGTERM));
}

TEST_F(Signals, OfTheProgramStay) {
  signal(SIGTERM, SIG_IGN);
  open();
  EXPECT_TRUE(at_default(SIGTERM) == false && at_default(SIGUSR1) == false);
  raise(SIGTERM);
  EXPECT_EQ(remuda_accept_within(app_, 0), nullptr);
  EXPECT_EQ(errno, ETIMEDOUT);
  leave();
  remuda_close(app_);
  app_ = nullptr;
  EXPECT_EQ(signal(SIGTERM, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace remuda::app

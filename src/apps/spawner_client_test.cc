// SPDX-License-Identifier: Apache-2.0
//
// The home loop's side of instances; the test is the spawner. What an heir brings, what a new spawner
// changes, what happens when the channel fails at any moment.
#include "apps/spawner_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>

#include "loop/backend/epoll.h"
#include "loop/backend/every_failure.h"

namespace remuda::apps {
namespace {

using namespace std::chrono_literals;
using spawner::kFirstInheritedId;

// A child that waits to be killed, and a descriptor for it.
struct Child {
  pid_t pid = ::fork();
  base::Fd pidfd;

  Child() {
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    pidfd = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }
  ~Child() { end(); }
  void end() {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }
};

class SpawnerClientTest : public testing::Test {
 protected:
  SpawnerClientTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    spawner_.reset(ends[1]);
    client_.emplace(loop_, base::Fd(ends[0]));
    beside_.spawn(client_->run());
  }
  ~SpawnerClientTest() override {
    loop_.run();
    beside_.cancel();
    while (beside_.children() > 0) loop_.turn(loop::kNever);
    client_.reset();
  }

  void say(const spawner::Reply& reply, std::vector<int> descriptors = {}) {
    std::vector<std::byte> packet;
    encode(reply, packet);
    iovec piece{packet.data(), packet.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 2)> room{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = room.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
      std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof(int) * descriptors.size());
    }
    EXPECT_GT(::sendmsg(spawner_.get(), &message, MSG_NOSIGNAL), 0);
  }
  void say_inherited(uint64_t id, const Child& child, int errors, bool end_is_told) {
    say(spawner::Inherited{.id = id,
                           .app = 4,
                           .pid = child.pid,
                           .times = {1000, 2000, 0},
                           .end_is_told = end_is_told,
                           .label = "blog.1"},
        {child.pidfd.get(), errors});
  }
  // What the client has sent: the next packet.
  std::optional<spawner::Request> heard() {
    for (int i = 0; i < 100; ++i) {
      const ssize_t got = ::recv(spawner_.get(), room_.data(), room_.size(), MSG_DONTWAIT);
      if (got > 0) {
        std::span<const std::byte> packet(room_.data(), static_cast<size_t>(got));
        return spawner::decode_request(packet);
      }
      turn();
    }
    return std::nullopt;
  }
  template <typename T>
  T heard_as() {
    const auto request = heard();
    EXPECT_TRUE(request && std::holds_alternative<T>(*request));
    return request && std::holds_alternative<T>(*request) ? std::get<T>(*request) : T{};
  }
  void turn() { loop_.turn(loop::Clock::now() + 10ms); }
  void turns() {
    for (int i = 0; i < 5; ++i) turn();
  }

  // Stories of the test note their results here.
  loop::Task<void> inherit(loop::Duration within = 5s) {
    heirs_ = co_await client_->inherited(loop_.now() + within);
    inherited_ = true;
  }
  loop::Task<void> start(int listener) {
    auto started = co_await client_->start_instance({.app = 4, .label = "blog.2", .listener = listener}, {});
    EXPECT_TRUE(started);
    if (started) program_ = *started;
  }
  loop::Task<void> measure(const std::shared_ptr<Program>& program) {
    measured_ = co_await client_->measure(*program, loop_.now() + 1s);
  }

  std::unique_ptr<loop::EpollBackend> backend_ = std::move(*loop::EpollBackend::create());
  loop::Loop loop_{*backend_};
  loop::Scope beside_{loop_};
  base::Fd spawner_;
  std::optional<SpawnerClient> client_;
  std::array<std::byte, 4096> room_;
  std::vector<std::shared_ptr<Program>> heirs_;
  bool inherited_ = false;
  std::shared_ptr<Program> program_;
  std::optional<base::Result<Measurement>> measured_;
};

TEST_F(SpawnerClientTest, HeirsAreThoseThatComeBeforeThePong) {
  Child child;
  loop_.root().spawn(inherit());
  const auto ping = heard_as<spawner::Ping>();
  say_inherited(kFirstInheritedId + 7, child, child.pidfd.get(), true);
  turns();
  EXPECT_FALSE(inherited_);
  say(spawner::Pong{ping.token});
  turns();
  ASSERT_TRUE(inherited_);
  ASSERT_EQ(heirs_.size(), 1U);
  const Program& heir = *heirs_[0];
  EXPECT_EQ(heir.app, 4U);
  EXPECT_EQ(heir.label, "blog.1");
  EXPECT_EQ(heir.journey.pid, child.pid);
  EXPECT_EQ(heir.journey.started, loop::Time(2000ns));
  EXPECT_TRUE(heir.errors);
  client_->terminate(heir);
  EXPECT_EQ(heard_as<spawner::Signal>().id, heir.id());
  say(spawner::Exited{.id = heir.id(), .pid = child.pid, .status = SIGTERM});
  turns();
  EXPECT_EQ(heir.journey.ending.kind, Ending::Kind::kSignaled);
  EXPECT_EQ(client_->running(), 0U);
}

TEST_F(SpawnerClientTest, AnHeirOfAnotherSpawnersIsWatched) {
  Child child;
  loop_.root().spawn(inherit());
  const auto ping = heard_as<spawner::Ping>();
  say_inherited(kFirstInheritedId, child, child.pidfd.get(), false);
  say(spawner::Pong{ping.token});
  turns();
  ASSERT_EQ(heirs_.size(), 1U);
  EXPECT_FALSE(heirs_[0]->ended());
  child.end();
  turns();
  EXPECT_EQ(heirs_[0]->journey.ending.kind, Ending::Kind::kUnknown);
}

TEST_F(SpawnerClientTest, WhoComesTooLateIsEnded) {
  Child child;
  loop_.root().spawn(inherit(0s));
  heard_as<spawner::Ping>();
  turns();
  EXPECT_TRUE(inherited_);
  say_inherited(kFirstInheritedId, child, child.pidfd.get(), true);
  const auto signal = heard_as<spawner::Signal>();
  EXPECT_EQ(signal.pid, child.pid);
  EXPECT_EQ(signal.signal, SIGTERM);
}

TEST_F(SpawnerClientTest, AnInstanceStartsWithItsListener) {
  loop_.root().spawn(start(spawner_.get()));
  const auto spawn = heard_as<spawner::Spawn>();
  EXPECT_EQ(spawn.input, spawner::Input::kListener);
  ASSERT_TRUE(program_);
  EXPECT_FALSE(program_->started());
  Child child;
  say(spawner::Started{program_->id(), child.pid, {}}, {child.pidfd.get()});
  turns();
  EXPECT_TRUE(program_->started());
  EXPECT_TRUE(program_->errors);
}

// The spawner before had started it and died before it said so; the next one knows it all the same.
TEST_F(SpawnerClientTest, ADoubtfulStartIsFoundAgain) {
  loop_.root().spawn(start(spawner_.get()));
  heard_as<spawner::Spawn>();
  Child child;
  say(spawner::Hello{2});
  say_inherited(program_->id(), child, child.pidfd.get(), false);
  const auto ping = heard_as<spawner::Ping>();
  say(spawner::Pong{ping.token});
  turns();
  EXPECT_TRUE(program_->started());
  EXPECT_FALSE(program_->ended());
  EXPECT_EQ(client_->running(), 1U);
  child.end();
  turns();
  EXPECT_TRUE(program_->ended());
}

TEST_F(SpawnerClientTest, ALostStartIsLost) {
  loop_.root().spawn(start(spawner_.get()));
  heard_as<spawner::Spawn>();
  say(spawner::Hello{2});
  const auto ping = heard_as<spawner::Ping>();
  say(spawner::Pong{ping.token});
  turns();
  EXPECT_EQ(program_->journey.ending.kind, Ending::Kind::kLost);
}

TEST_F(SpawnerClientTest, AHelloAsksAgainForHeirs) {
  loop_.root().spawn(inherit());
  heard_as<spawner::Ping>();  // the spawner dies with it
  say(spawner::Hello{2});
  const auto again = heard_as<spawner::Ping>();
  say(spawner::Pong{again.token});
  turns();
  EXPECT_TRUE(inherited_);
}

TEST_F(SpawnerClientTest, Measures) {
  loop_.root().spawn(start(spawner_.get()));
  heard_as<spawner::Spawn>();
  loop_.root().spawn(measure(program_));
  const auto wish = heard_as<spawner::Measure>();
  EXPECT_EQ(wish.id, program_->id());
  say(spawner::Measured{
      .token = wish.token, .resident = 3, .proportional = 2, .unique = 1, .user_us = 5, .system_us = 6});
  turns();
  ASSERT_TRUE(measured_ && *measured_);
  EXPECT_EQ((*measured_)->memory.proportional, 2U);
  EXPECT_EQ((*measured_)->cpu_system, 6us);
  measured_.reset();
  loop_.root().spawn(measure(program_));
  heard_as<spawner::Measure>();
  say(spawner::Hello{2});
  turns();
  ASSERT_TRUE(measured_ && !*measured_);
  EXPECT_EQ(measured_->error().code, ECONNRESET);
}

TEST_F(SpawnerClientTest, TheEndOfTheChannelEndsEverything) {
  loop_.root().spawn(start(spawner_.get()));
  heard_as<spawner::Spawn>();
  loop_.root().spawn(measure(program_));
  loop_.root().spawn(inherit());
  turns();
  spawner_.reset();
  turns();
  EXPECT_EQ(program_->journey.ending.kind, Ending::Kind::kUnknown);
  EXPECT_TRUE(inherited_);
  ASSERT_TRUE(measured_);
  EXPECT_FALSE(*measured_);
}

// The home loop's stories, whatever fails. Descriptors do not travel here.
loop::Task<void> manage(SpawnerClient& client, loop::Loop& loop, loop::Scope& beside, size_t& heirs) {
  auto inherited = co_await client.inherited(loop.now() + 1s);
  heirs = inherited.size();
  for (const auto& program : inherited) {
    [[maybe_unused]] const auto measured = co_await client.measure(*program, loop.now() + 1s);
    client.terminate(*program);
    [[maybe_unused]] const auto ended = co_await program->wait_ended(loop.now() + 1s);
  }
  beside.cancel();
}

TEST(SpawnerClientFailures, LeaveNothing) {
  EXPECT_THAT(
      loop::run_under_every_failure([](loop::DeterministicBackend& backend, loop::Loop& loop) {
        const auto [near, far] = backend.connection();
        std::vector<std::byte> said;
        const spawner::Inherited one{.id = kFirstInheritedId, .app = 1, .pid = 77, .end_is_told = true};
        encode(spawner::Reply(one), said);
        encode(spawner::Reply(spawner::Pong{1}), said);
        encode(spawner::Reply(spawner::Measured{.token = 1, .resident = 1}), said);
        encode(spawner::Reply(spawner::Exited{.id = one.id, .pid = 77}), said);
        const std::string_view text(reinterpret_cast<const char*>(said.data()), said.size());
        backend.after(10ms, [&backend, end = far, text = std::string(text)] { backend.put(end, text); });
        size_t heirs = 0;
        {
          SpawnerClient client(loop, base::Fd(near));
          loop::Scope beside(loop);
          beside.spawn(client.run());
          loop.root().spawn(manage(client, loop, beside, heirs));
          loop.run();
          beside.cancel();
          while (beside.children() > 0) loop.turn(loop::kNever);
        }
        if (!backend.has_failed()) EXPECT_LE(heirs, 1U);
      }),
      testing::IsEmpty());
}

}  // namespace
}  // namespace remuda::apps

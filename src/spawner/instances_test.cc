// SPDX-License-Identifier: Apache-2.0
//
// Instances, with a real spawner and real programs: who gets them when a worker dies, or a spawner, or both;
// and when they end.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "spawner/orphans.h"
#include "spawner/testing/spawner_fixture.h"

namespace remuda::spawner {
namespace {

using namespace std::chrono_literals;

class InstancesTest : public SpawnerFixture {
 protected:
  static constexpr uint32_t kApp = 1;

  void SetUp() override {
    SpawnerFixture::SetUp();
    stop();
    AppRules rules{.name = "pool"};
    rules.program = script("instance", "#!/bin/sh\necho up $* >&2\nexec sleep 60\n");
    rules.arguments = {"-a", "b c"};
    rules.outlives = Outlives::kWorker;
    options_.apps.push_back(rules);
    start();
  }

  void start_instance(uint64_t id, std::string_view label, uint32_t app = kApp) {
    const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    const Pipe errors = make_pipe();
    std::vector<std::byte> packet;
    encode_head({.id = id, .app = app, .input = Input::kListener, .label = label}, 0, packet);
    send(packet, {listener.get(), errors.write.get(), errors.read.get()});
  }
  Started started(uint64_t id, std::string_view label) {
    start_instance(id, label);
    return std::get<Started>(reply());
  }

  // The worker of that place dies, another one comes.
  void replace_worker(int32_t place = 0) {
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_.worker.reset();
    options_.channels[0] = {.socket = pair->spawner.get(), .what = {++last_serial_, place}};
    if (control_) {
      ASSERT_TRUE(send_channel(control_.get(), options_.channels[0]));
    }
    channel_ = std::move(*pair);
    rest_ = {};
  }
  void kill_spawner() {
    ::kill(spawner_, SIGKILL);
    waitpid(spawner_, nullptr, 0);
    kept_.receive(control_.get());
    control_.reset();
    options_.instances = kept_.all();
  }
  void ping() {
    std::vector<std::byte> packet;
    encode(Ping{1}, packet);
    send(packet);
  }
  Inherited inherited() {
    Reply next = reply();
    EXPECT_TRUE(std::holds_alternative<Inherited>(next));
    EXPECT_EQ(received_.descriptor_count, 2U);
    return std::get<Inherited>(next);
  }
  // Nothing comes before the Pong.
  void expect_nothing() {
    ping();
    EXPECT_TRUE(std::holds_alternative<Pong>(reply()));
  }
  std::string errors_of_last() {
    std::array<char, 64> room;
    const ssize_t got = read(received_.descriptors[1].get(), room.data(), room.size());
    return std::string(room.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }

  KeptInstances kept_;
  uint64_t last_serial_ = 1;
};

TEST_F(InstancesTest, OutlivesItsWorker) {
  const Started first = started(1, "blog.1");
  replace_worker();
  const Inherited heir = inherited();
  EXPECT_EQ(heir.pid, first.pid);
  EXPECT_EQ(heir.label, "blog.1");
  EXPECT_EQ(heir.app, kApp);
  EXPECT_EQ(heir.times.started, first.times.started);
  EXPECT_GE(heir.id, kFirstInheritedId);
  EXPECT_TRUE(heir.end_is_told);
  EXPECT_EQ(errors_of_last(), "up -a b c\n");
  expect_nothing();
  signal(heir.id, heir.pid, SIGTERM);
  EXPECT_EQ(exited_next().id, heir.id);
}

TEST_F(InstancesTest, AStartThatTheWorkerDiedOnIsInherited) {
  start_instance(1, "blog.1");
  replace_worker();
  EXPECT_EQ(inherited().label, "blog.1");
}

TEST_F(InstancesTest, GoesToItsOwnPlaceOnly) {
  const Started first = started(1, "blog.1");
  replace_worker(1);
  expect_nothing();
  replace_worker(0);
  EXPECT_EQ(inherited().pid, first.pid);
}

TEST_F(InstancesTest, OneThatIsToEndIsNotInherited) {
  const Started first = started(1, "blog.1");
  signal(1, 0, SIGTERM);
  replace_worker();
  expect_nothing();
  EXPECT_TRUE(gone(first.pid));
}

TEST_F(InstancesTest, OutlivesItsSpawner) {
  const Started first = started(1, "blog.1");
  kill_spawner();
  EXPECT_EQ(kept_.size(), 1U);
  start();
  const Inherited again = inherited();  // as the worker knows it
  EXPECT_EQ(again.id, 1U);
  EXPECT_EQ(again.pid, first.pid);
  EXPECT_FALSE(again.end_is_told);
  replace_worker();
  const Inherited heir = inherited();
  EXPECT_EQ(heir.pid, first.pid);
  EXPECT_FALSE(heir.end_is_told);
  signal(heir.id, heir.pid, SIGTERM);
  EXPECT_TRUE(gone(first.pid));
  replace_worker();
  expect_nothing();
}

TEST_F(InstancesTest, OutlivesBothAtOnceAndManyTimes) {
  const Started first = started(1, "blog.1");
  for (int i = 0; i < 5; ++i) {
    kill_spawner();
    replace_worker();
    start();
    const Inherited heir = inherited();
    EXPECT_EQ(heir.pid, first.pid);
    EXPECT_EQ(heir.label, "blog.1");
    EXPECT_EQ(errors_of_last(), i == 0 ? "up -a b c\n" : "");
    if (i == 0) fcntl(received_.descriptors[1].get(), F_SETFL, O_NONBLOCK);
  }
  expect_nothing();
}

TEST_F(InstancesTest, OneThatEndedWhileNobodyLookedIsForgotten) {
  const Started first = started(1, "blog.1");
  kill_spawner();
  ::kill(first.pid, SIGKILL);
  EXPECT_TRUE(gone(first.pid));
  start();
  expect_nothing();
  kept_.receive(control_.get());
  EXPECT_EQ(kept_.size(), 0U);
}

TEST_F(InstancesTest, TheSupervisorsEndEndsThem) {
  const Started own = started(1, "blog.1");
  kill_spawner();
  start();
  inherited();
  const Started other = started(2, "blog.2");
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(gone(own.pid));
  EXPECT_TRUE(gone(other.pid));
}

TEST_F(InstancesTest, OnlyAnApplicationThatHasThemAndAHomeChannelStartThem) {
  start_instance(1, "x", 0);
  EXPECT_EQ(failed_next().step, Step::kRequest);
  replace_worker(kNoPlace);
  start_instance(2, "x");
  EXPECT_EQ(failed_next().error, EPERM);
}

TEST_F(InstancesTest, IsMeasured) {
  const Started first = started(1, "blog.1");
  std::vector<std::byte> packet;
  encode(Measure{.token = 9, .id = 1}, packet);
  encode(Measure{.token = 10, .id = 2}, packet);
  send(packet);
  const auto measured = std::get<Measured>(reply());
  EXPECT_EQ(measured.token, 9U);
  EXPECT_EQ(measured.error, 0);
  EXPECT_GT(measured.resident, 0U);
  EXPECT_EQ(std::get<Measured>(reply()).error, ESRCH);
  EXPECT_GT(first.pid, 1);
}

TEST(Orphans, AreNobodysWhenTheSupervisorHasDied) {
  Orphans of_init(1);
  EXPECT_TRUE(of_init.find().empty());
  Orphans of_another(getpid());
  of_another.remember();
  EXPECT_TRUE(of_another.all().empty());
}

}  // namespace
}  // namespace remuda::spawner

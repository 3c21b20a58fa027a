// SPDX-License-Identifier: Apache-2.0
//
// Real sockets: their names, modes and ends.
#include "apps/pool/doors.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "apps/pool/group.h"
#include "apps/pool/instance_endpoint.h"
#include "loop/backend/epoll.h"

namespace remuda::apps::pool {
namespace {

using namespace std::chrono_literals;

class DoorsTest : public testing::Test {
 protected:
  DoorsTest() {
    std::string name = testing::TempDir() + "doors.XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~DoorsTest() override { std::filesystem::remove_all(directory_); }

  // A connection, or why there is none.
  int connect(Endpoint& endpoint) {
    int error = -1;
    loop_.root().spawn([](DoorsTest& test, Endpoint& to, int& result) -> loop::Task<void> {
      auto connected = co_await to.connect(test.loop_.now() + 50ms);
      result = connected ? 0 : connected.error().code;
      if (connected) test.connections_.push_back(std::move(*connected));
    }(*this, endpoint, error));
    while (error < 0) loop_.turn(loop_.now() + 10ms);
    return error;
  }

  std::string directory_;
  std::unique_ptr<loop::EpollBackend> backend_ = std::move(*loop::EpollBackend::create());
  loop::Loop loop_{*backend_};
  UnixDoors doors_{loop_};
  std::vector<loop::LoopFd> connections_;
};

TEST_F(DoorsTest, SomebodyIsFreeWhenItClosesWhatAsksNothing) {
  const std::string path = directory_ + "/free.sock";
  auto listener = doors_.open(path);
  ASSERT_TRUE(listener);
  int error = -1;
  const auto wait = [&](const std::string& where) {
    error = -1;
    loop_.root().spawn(
        [](UnixDoors& doors, std::string to, loop::Time deadline, int& result) -> loop::Task<void> {
          const auto free = co_await doors.wait_free(to, deadline);
          result = free ? 0 : free.error().code;
        }(doors_, where, loop_.now() + 50ms, error));
  };
  const auto turn = [&] {
    while (error < 0) loop_.turn(loop_.now() + 10ms);
    return error;
  };
  wait(path);
  EXPECT_EQ(turn(), ETIMEDOUT);
  base::Fd(::accept(listener->get(), nullptr, nullptr)).reset();
  wait(path);
  loop_.turn(loop_.now() + 1ms);
  base::Fd(::accept(listener->get(), nullptr, nullptr)).reset();
  EXPECT_EQ(turn(), 0);
  listener->reset();
  wait(path);
  EXPECT_EQ(turn(), ECONNREFUSED);
}

TEST_F(DoorsTest, AreOursAlone) {
  const std::string path = directory_ + "/a.sock";
  auto first = doors_.open(path);
  ASSERT_TRUE(first);
  struct stat seen{};
  ASSERT_EQ(::stat(path.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode, S_IFSOCK | 0600U);
  EXPECT_TRUE(doors_.open(path));  // what was there is replaced
  doors_.remove(path);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(DoorsTest, RefuseWhatCannotBeANameOfASocket) {
  EXPECT_EQ(doors_.open(directory_ + "/" + std::string(120, 'x')).error().code, ENAMETOOLONG);
  EXPECT_EQ(doors_.open("/nowhere/a.sock").error().code, ENOENT);
}

TEST_F(DoorsTest, AnInstanceIsReachedUntilItEnds) {
  Group group({.name = "blog", .keep = {.idle = 3}});
  auto instance = std::make_shared<Instance>();
  instance->id = 1;
  instance->name = "blog[1]";
  instance->socket = directory_ + "/b.sock";
  InstanceEndpoint endpoint(group, loop_, instance);
  EXPECT_EQ(connect(endpoint), ENOENT);
  auto listener = doors_.open(instance->socket);
  ASSERT_TRUE(listener);
  EXPECT_FALSE(doors_.is_anybody_waiting(listener->get()));
  EXPECT_EQ(connect(endpoint), 0);
  EXPECT_TRUE(doors_.is_anybody_waiting(listener->get()));
  const base::Fd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(accepted);
  EXPECT_FALSE(doors_.is_anybody_waiting(listener->get()));
  listener->reset();
  EXPECT_EQ(connect(endpoint), ECONNREFUSED);
}

TEST_F(DoorsTest, AFullQueueIsWaitedForUntilTheDeadline) {
  Group group({.name = "blog"});
  auto instance = std::make_shared<Instance>();
  instance->socket = directory_ + "/c.sock";
  InstanceEndpoint endpoint(group, loop_, instance);
  const auto listener = doors_.open(instance->socket);
  int error = 0;
  while (error == 0 && connections_.size() < 1000) error = connect(endpoint);
  EXPECT_EQ(error, ETIMEDOUT);
  ::close(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(connect(endpoint), 0);
}

TEST_F(DoorsTest, KeepingFollowsWhatAnInstanceTakes) {
  Group group({.name = "blog", .keep = {.idle = 3}});
  auto instance = std::make_shared<Instance>();
  InstanceEndpoint endpoint(group, loop_, instance);
  endpoint.set_terms({instance, {.requests = 1, .connections = 1}, true});
  EXPECT_EQ(endpoint.keep_rules().idle, 1U);
  endpoint.set_terms({instance, {.requests = 9, .connections = 9}, true});
  EXPECT_EQ(endpoint.keep_rules().idle, 3U);
  endpoint.cannot_keep_connections();
  EXPECT_EQ(endpoint.keep_rules().idle, 0U);
  EXPECT_FALSE(instance->keeps_connections);
}

}  // namespace
}  // namespace remuda::apps::pool

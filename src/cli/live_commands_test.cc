// SPDX-License-Identifier: Apache-2.0
//
// The commands against workers that answer: the real status API over fake applications, each on a thread and
// a socket of its own; and against nobody.
#include "cli/live_commands.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <thread>

#include "admin/json.h"
#include "admin/service.h"
#include "admin/testing/fake_control.h"
#include "http/h1/driver.h"
#include "loop/backend/epoll.h"

namespace remuda::cli {
namespace {

using admin::testing::FakeControl;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

base::Fd listen_on(const std::string& path) {
  base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.get(), 8), 0);
  return socket;
}

// One worker's status socket.
class FakeWorker {
 public:
  FakeWorker(const std::string& socket, pid_t pid) : pid_(pid), listener_(listen_on(socket)) {}
  ~FakeWorker() { stop(); }

  // From then on the applications belong to its thread, until it stops.
  void start() {
    thread_ = std::jthread([this] {
      loop_.root().spawn(accept());
      loop_.run();
    });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.post([this] { loop_.root().cancel(); });
    thread_.join();
  }

  FakeControl blog{"blog"};
  FakeControl shop{"shop"};

 private:
  loop::Task<void> accept() {
    sockaddr_storage peer{};
    while (const auto socket = co_await loop_.accept(listener_.get(), &peer, loop::kNever)) {
      loop_.root().spawn(driver_.serve(loop::LoopFd(loop_, base::Fd(*socket)), http::Address()));
    }
    loop_.detach(listener_.get());
  }
  pid_t pid_;
  base::Fd listener_;
  std::unique_ptr<loop::EpollBackend> backend_ = *loop::EpollBackend::create();
  loop::Loop loop_{*backend_};
  admin::Service service_{[this] {
                            return admin::Snapshot{
                                .version = "0.1.0", .supervisor = 1, .workers = {{.pid = pid_}}, .apps = {}};
                          },
                          {&blog, &shop},
                          [](std::string_view) {}};
  http::h1::Driver driver_{loop_, service_, {}};
  std::jthread thread_;
};

struct Outcome {
  int code = -1;
  std::string results;
  std::string mistakes;
};

class LiveCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "remuda_live_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    ::setenv("XDG_RUNTIME_DIR", directory_.c_str(), 1);
  }
  void TearDown() override {
    workers_.clear();
    std::filesystem::remove_all(directory_);
  }

  std::string socket(int place) const { return directory_ + "/status." + std::to_string(place) + ".sock"; }
  FakeWorker& worker(int place) {
    workers_.push_back(std::make_unique<FakeWorker>(socket(place), 100 + place));
    return *workers_.back();
  }
  void start() {
    for (const auto& worker : workers_) worker->start();
  }
  void stop() {
    for (const auto& worker : workers_) worker->stop();
  }

  template <typename Command>
  static Outcome run(Command command) {
    Outcome outcome;
    char* results = nullptr;
    char* mistakes = nullptr;
    size_t results_size = 0;
    size_t mistakes_size = 0;
    std::FILE* const results_file = ::open_memstream(&results, &results_size);
    std::FILE* const mistakes_file = ::open_memstream(&mistakes, &mistakes_size);
    outcome.code = command(Terminal(results_file, mistakes_file));
    std::fclose(results_file);
    std::fclose(mistakes_file);
    outcome.results.assign(results, results_size);
    outcome.mistakes.assign(mistakes, mistakes_size);
    ::free(results);
    ::free(mistakes);
    return outcome;
  }
  // A configuration file whose run directory is the one with the sockets of this test.
  Reach everybody() {
    const std::string file = directory_ + "/remuda.toml";
    std::FILE* const stream = std::fopen(file.c_str(), "w");
    std::fprintf(stream, "[server]\nrun_directory = \"%s\"\n[[route]]\nrespond = 204\n", directory_.c_str());
    std::fclose(stream);
    Reach reach{.source = {.file = file, .directory = {}, .overrides = {}}, .socket = {}};
    const auto config = load(reach.source);
    EXPECT_TRUE(config);
    if (config) std::filesystem::create_directory_symlink(directory_, config::run_directory(*config));
    return reach;
  }
  Reach only(int place) { return {.source = {}, .socket = socket(place)}; }

  std::string directory_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
};

TEST_F(LiveCommands, StatusOfOneWorkerByItsSocket) {
  worker(0).blog.its.requests = 7;
  start();
  const Outcome outcome =
      run([&](const Terminal& terminal) { return status_command(only(0), {}, terminal); });
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  EXPECT_THAT(outcome.results, StartsWith("remuda 0.1.0, supervisor 1, worker 100, up 0s\n"));
  EXPECT_THAT(outcome.results, HasSubstr("\n  7 requests\n"));
}

TEST_F(LiveCommands, StatusOfAllWorkersTogether) {
  worker(0).blog.its.requests = 7;
  worker(1).blog.its.requests = 10;
  start();
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return status_command(reach, {.app = "blog", .form = StatusForm::kJson}, terminal);
  });
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  const auto snapshot = admin::parse_snapshot(outcome.results);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->workers.size(), 2U);
  ASSERT_EQ(snapshot->apps.size(), 1U);
  EXPECT_EQ(snapshot->apps[0].requests, 17U);
}

TEST_F(LiveCommands, MetricsOfAllWorkersTogether) {
  worker(0).blog.its.requests = 7;
  worker(1).blog.its.requests = 10;
  start();
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return status_command(reach, {.app = {}, .form = StatusForm::kMetrics}, terminal);
  });
  EXPECT_THAT(outcome.results, HasSubstr("\nremuda_app_requests_total{app=\"blog\"} 17\n"));
}

TEST_F(LiveCommands, AWorkerThatIsGoneIsLeftOut) {
  worker(0).blog.its.requests = 7;
  start();
  listen_on(socket(1)).reset();  // the socket stays
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) { return status_command(reach, {}, terminal); });
  EXPECT_EQ(outcome.code, kSuccess);
  EXPECT_THAT(outcome.results, HasSubstr("worker 100,"));
  EXPECT_THAT(outcome.mistakes, StartsWith("remuda status: a worker is missing here: nobody listens on "));
}

TEST_F(LiveCommands, NobodyAnswers) {
  const Reach reach = everybody();
  const auto status = [&](const Terminal& terminal) { return status_command(reach, {}, terminal); };
  const Outcome nothing = run(status);
  EXPECT_EQ(nothing.code, kNoServer);
  EXPECT_THAT(nothing.mistakes, StartsWith("remuda status: no server runs with "));
  listen_on(socket(0)).reset();
  const Outcome stale = run(status);
  EXPECT_EQ(stale.code, kNoServer);
  EXPECT_THAT(stale.mistakes, HasSubstr("nobody listens on "));
  const Outcome missing =
      run([&](const Terminal& terminal) { return restart_command(only(7), "blog", terminal); });
  EXPECT_EQ(missing.code, kNoServer);
  EXPECT_THAT(missing.mistakes, StartsWith("remuda restart: there is no socket "));
}

TEST_F(LiveCommands, AnUnknownApplication) {
  worker(0);
  start();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return status_command(only(0), {.app = "wiki", .form = {}}, terminal);
  });
  EXPECT_EQ(outcome.code, kFailure);
  EXPECT_EQ(outcome.mistakes, "remuda status: there is no application wiki; there are: blog, shop\n");
}

TEST_F(LiveCommands, TopWithoutATerminalShowsOneSecond) {
  worker(0);
  start();
  const Outcome outcome = run([&](const Terminal& terminal) { return top_command(only(0), terminal); });
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  EXPECT_THAT(outcome.results, StartsWith("remuda 0.1.0, up 0s: 0 connections, 0 requests/s"));
  EXPECT_THAT(outcome.results, HasSubstr("\nAPP "));
}

TEST_F(LiveCommands, RestartTellsEveryWorker) {
  worker(0).blog.report.lines = {"all new"};
  worker(1);
  start();
  const Reach reach = everybody();
  const Outcome outcome =
      run([&](const Terminal& terminal) { return restart_command(reach, "blog", terminal); });
  stop();
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  EXPECT_EQ(outcome.results,
            "worker 1 of 2\n  all new\nblog: restarted, 2 replaced\n"
            "worker 2 of 2\nblog: restarted, 2 replaced\n");
  EXPECT_THAT(workers_[0]->blog.told, ElementsAre("restart"));
  EXPECT_THAT(workers_[1]->blog.told, ElementsAre("restart"));
}

TEST_F(LiveCommands, ARestartThatFailsEndsThere) {
  worker(0).blog.report = {.succeeded = false, .replaced = 0, .lines = {"exited with status 1"}};
  worker(1);
  start();
  const Reach reach = everybody();
  const Outcome outcome =
      run([&](const Terminal& terminal) { return restart_command(reach, "blog", terminal); });
  stop();
  EXPECT_EQ(outcome.code, kFailure);
  EXPECT_EQ(outcome.results, "worker 1 of 2\n  exited with status 1\n");
  EXPECT_EQ(outcome.mistakes,
            "remuda restart: blog was not restarted\n"
            "remuda restart: the workers after this one were not told\n");
  EXPECT_THAT(workers_[1]->blog.told, IsEmpty());
}

TEST_F(LiveCommands, KillFindsTheWorkerThatHasIt) {
  worker(0).blog.error = ENOENT;
  worker(1);
  start();
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return kill_command(reach, {.app = "blog", .kind = "instance", .number = "4242"}, terminal);
  });
  stop();
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  EXPECT_EQ(outcome.results, "instance 4242 of blog ends\n");
  EXPECT_THAT(workers_[1]->blog.told, ElementsAre("end instance 4242"));
}

TEST_F(LiveCommands, KillSaysThatNobodyHasIt) {
  worker(0).blog.error = ENOENT;
  start();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return kill_command(only(0), {.app = "blog", .kind = "request", .number = "ff"}, terminal);
  });
  EXPECT_EQ(outcome.code, kFailure);
  EXPECT_EQ(outcome.mistakes, "remuda kill: blog has no request 00000000000000ff\n");
}

TEST_F(LiveCommands, PeersAreChangedInEveryWorker) {
  worker(0);
  worker(1);
  start();
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return peer_command(reach, {.app = "shop", .change = "add", .peer = "[::1]:9000 weight=2"}, terminal);
  });
  stop();
  EXPECT_EQ(outcome.code, kSuccess) << outcome.mistakes;
  EXPECT_EQ(outcome.results, "peer [::1]:9000 weight=2 of shop gets requests from now on\n");
  for (const auto& worker : workers_) EXPECT_THAT(worker->shop.told, ElementsAre("add [::1]:9000 weight=2"));
}

TEST_F(LiveCommands, APeerThatOneWorkerRefusesIsAFailure) {
  worker(0);
  worker(1).shop.error = EEXIST;
  start();
  const Reach reach = everybody();
  const Outcome outcome = run([&](const Terminal& terminal) {
    return peer_command(reach, {.app = "shop", .change = "add", .peer = "x:1"}, terminal);
  });
  EXPECT_EQ(outcome.code, kFailure);
  EXPECT_EQ(outcome.mistakes, "remuda peer: shop has the peer x:1 already\n");
}

TEST_F(LiveCommands, AConfigurationThatIsWrongNowIsNoReason) {
  worker(0);
  start();
  const std::string file = directory_ + "/broken.toml";
  std::FILE* const stream = std::fopen(file.c_str(), "w");
  std::fputs("[server\n", stream);
  std::fclose(stream);
  const Reach reach{.source = {.file = file, .directory = {}, .overrides = {}}, .socket = {}};
  const Outcome nothing = run([&](const Terminal& terminal) { return status_command(reach, {}, terminal); });
  EXPECT_EQ(nothing.code, kNoServer);
  EXPECT_THAT(nothing.mistakes, HasSubstr("broken.toml"));
  EXPECT_THAT(nothing.mistakes, HasSubstr("--socket PATH"));
}

TEST(LiveServer, SocketsStandInTheirOrder) {
  std::string pattern = std::filesystem::temp_directory_path() / "remuda_live_XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  for (const char* name : {"status.10.sock", "status.2.sock", "status.0.sock", "app.sock", "lock"}) {
    std::fclose(std::fopen((pattern + "/" + name).c_str(), "w"));
  }
  EXPECT_THAT(
      LiveServer::sockets_in(pattern),
      ElementsAre(pattern + "/status.0.sock", pattern + "/status.2.sock", pattern + "/status.10.sock"));
  EXPECT_THAT(LiveServer::sockets_in(pattern + "/none"), IsEmpty());
  std::filesystem::remove_all(pattern);
}

}  // namespace
}  // namespace remuda::cli

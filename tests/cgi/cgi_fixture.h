// SPDX-License-Identifier: Apache-2.0
//
// CgiTest: a real spawner, forked; a real loop; the handler; scripts in a directory of their own. Only the
// exchange is imitated.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "apps/admission.h"
#include "apps/exec.h"
#include "apps/spawner_client.h"
#include "gateway/app_handler.h"
#include "gateway/cgi/cgi_wire.h"
#include "http/testing/fake_exchange.h"
#include "loop/backend/epoll.h"
#include "loop/loop.h"
#include "loop/offload.h"
#include "spawner/spawner.h"

namespace remuda::testing {

using namespace std::chrono_literals;
using namespace std::string_literals;
using http::testing::FakeBody;
using http::testing::FakeExchange;

// What was logged.
class LogBook final : public gateway::AppLog {
 public:
  void error_line(uint64_t, std::string_view, std::string_view line) override { errors.emplace_back(line); }
  void ended(uint64_t, std::string_view trouble, const apps::Journey& journey) override {
    troubles.emplace_back(trouble);
    journeys.push_back(journey);
  }
  std::vector<std::string> errors;
  std::vector<std::string> troubles;
  std::vector<apps::Journey> journeys;
};

class CgiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    directory_ = std::filesystem::temp_directory_path() / ("remuda-cgi-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
    spawner::AppRules rules{.name = "cgi", .root = directory_.string()};
    rules.environment = {"CONFIGURED=yes", "SERVER_NAME=never"};
    spawner_options_.apps.push_back(rules);
    spawner_options_.kill_after = 200ms;
    options_.name = wire_options_.name = "cgi";
    options_.mount = "/cgi-bin";
    options_.root = directory_.string();
    wire_options_.time_limit = 5s;
    auto channel = spawner::make_socket_pair();
    ASSERT_TRUE(channel);
    spawner_end_ = std::move(channel->spawner);
    worker_end_ = channel->worker.get();
    start_spawner();
    backend_ = std::move(*loop::EpollBackend::create());
    loop_.emplace(*backend_);
    client_.emplace(*loop_, std::move(channel->worker));
    loop_->root().spawn(client_->run());
    configure();
  }

  void TearDown() override {
    settle();
    handler_.reset();
    loop_->root().cancel();
    while (loop_->root().children() > 0) turn();
    source_.reset();
    EXPECT_EQ(app_->admission.inside(), 0U);
    client_.reset();
    EXPECT_EQ(backend_->open_descriptors(), 0U);
    loop_.reset();
    stop_spawner();
    std::filesystem::remove_all(directory_);
  }

  void start_spawner() {
    auto control = spawner::make_socket_pair();
    ASSERT_TRUE(control);
    spawner_ = fork();
    if (spawner_ == 0) {
      ::close(worker_end_);
      ::close(control->worker.get());
      spawner_options_.supervisor = ::getppid();
      spawner_options_.control = control->spawner.release();
      spawner_options_.channels = {{.socket = spawner_end_.get()}};
      _exit(spawner::run(spawner_options_));
    }
    control_ = std::move(control->worker);
    ++spawner_options_.generation;
  }
  void stop_spawner() {
    control_.reset();
    waitpid(spawner_, nullptr, 0);
  }
  void kill_spawner() {
    kill(spawner_, SIGKILL);
    waitpid(spawner_, nullptr, 0);
  }

  // After a change of options_, limits_ or exec_options_.
  void configure() {
    handler_.reset();
    source_.reset();
    app_.reset();
    exec_options_.name = options_.name;
    exec_options_.program = options_.program;
    app_.emplace(exec_options_, limits_);
    source_.emplace(*client_, *app_);
    wire_.emplace(*loop_, log_, wire_options_);
    handler_.emplace(*loop_, gateway::Application{*source_, *wire_, offload_}, options_);
  }

  std::string script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const auto path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path.string();
  }
  std::string shell(const std::string& name, const std::string& text) {
    return script(name, "#!/bin/sh\n" + text);
  }

  void turn() { loop_->turn(loop_->now() + 20ms); }
  // Until no program is left.
  void settle() {
    for (int i = 0; i < 1000 && (client_->running() > 0 || loop_->root().children() > 1); ++i) turn();
    EXPECT_EQ(client_->running(), 0U);
  }

  struct Answer {
    int status = 0;
    std::string content;
    std::string trouble;
    std::string details;
    int error = 0;
  };
  Answer get(const std::string& target, const std::string& method = "GET") {
    FakeExchange exchange(*loop_, method, target);
    return answer(exchange);
  }
  Answer answer(FakeExchange& exchange) {
    exchange.run(*handler_);
    Answer got{.status = exchange.response.status};
    got.content = exchange.content();
    got.error = exchange.error;
    got.trouble = exchange.trouble;
    got.details = exchange.details;
    return got;
  }

  std::filesystem::path directory_;
  spawner::Options spawner_options_;
  gateway::AppOptions options_;
  gateway::WireOptions wire_options_;
  apps::ExecOptions exec_options_;
  apps::Admission::Limits limits_;
  base::Fd spawner_end_;
  base::Fd control_;
  int worker_end_ = -1;
  pid_t spawner_ = -1;

  LogBook log_;
  loop::Offload offload_{0, 16};
  std::unique_ptr<loop::EpollBackend> backend_;
  std::optional<loop::Loop> loop_;
  std::optional<apps::SpawnerClient> client_;
  std::optional<apps::ExecApp> app_;
  std::optional<apps::ExecSource> source_;
  std::optional<gateway::CgiWire> wire_;
  std::optional<gateway::AppHandler> handler_;
};

}  // namespace remuda::testing

// SPDX-License-Identifier: Apache-2.0
//
// TemplatesTest: a real spawner with templates, and real processes: the test program is its own loader
// (loader.h; its main() is templates_test.cc's).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>

#include "spawner/kinship.h"
#include "spawner/testing/loader.h"
#include "spawner/testing/spawner_fixture.h"

namespace remuda::spawner {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::HasSubstr;
using testing::StartsWith;
using State = TemplateState::State;

constexpr uint32_t kSite = 1;
constexpr uint32_t kPool = 2;
constexpr uint32_t kScripts = 3;

inline std::string query(const std::string& wish) { return "QUERY_STRING=" + wish + '\0'; }

inline std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

inline size_t count_of(const std::string& directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

class TemplatesTest : public SpawnerFixture {
 protected:
  struct Told {
    uint32_t app = 0;
    uint32_t generation = 0;
    State state = State::kLoading;
    pid_t pid = 0;
    std::string program;
    std::string detail;
  };

  void SetUp() override {
    SpawnerFixture::SetUp();
    stop();
    std::filesystem::create_directories(directory_ / "loaders/python");
    std::ofstream(directory_ / "loaders/python/remuda_cgi.py") << "its name is what counts\n";
    std::filesystem::create_symlink(own_path(), directory_ / "python3");
    options_.apps.push_back(rules("site", TemplateFor::kApplication));
    options_.apps.push_back(rules("pool", TemplateFor::kApplication));
    options_.apps.back().outlives = Outlives::kWorker;
    options_.apps.back().environment.emplace_back("INSTANCE=yes");
    options_.apps.push_back(rules("scripts", TemplateFor::kEachProgram));
    start();
  }
  // Again, with rules that the test has changed.
  void restart() {
    stop();
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_ = std::move(*pair);
    options_.channels[0].socket = channel_.spawner.get();
    options_.generation = 1;
    rest_ = {};
    passed_.clear();
    told_.clear();
    start();
  }

  AppRules rules(const std::string& name, TemplateFor covers) {
    AppRules rules{.name = name, .root = directory_.string()};
    if (covers == TemplateFor::kApplication) rules.program = own_path();
    rules.environment = {"BEHAVIOUR=" + (directory_ / name).string(), "HTTPS=configured"};
    rules.template_rules.covers = covers;
    rules.template_rules.start_timeout = 20s;
    rules.template_rules.loaders = (directory_ / "loaders").string();
    return rules;
  }
  TemplateRules& templates(uint32_t app) { return options_.apps[app].template_rules; }
  void behave(const std::string& name, const std::string& words) {
    std::ofstream(directory_ / (name + ".new")) << words;
    std::filesystem::rename(directory_ / (name + ".new"), directory_ / name);
  }
  void change(const std::string& name) { std::ofstream(directory_ / (name + ".changed")) << ""; }

  void take(const TemplateState& state) {
    told_.push_back({state.app, state.generation, state.state, state.pid, std::string(state.program),
                     std::string(state.detail)});
  }
  // The next reply that is not about templates; those are collected.
  Reply answer() {
    if (!passed_.empty()) {
      answered_ = std::move(passed_.front());
      passed_.pop_front();
      std::span<const std::byte> packet = answered_;
      return *decode_reply(packet);
    }
    return next_answer();
  }
  Reply next_answer() {
    while (true) {
      Reply next = reply();
      if (const auto* const state = std::get_if<TemplateState>(&next)) {
        take(*state);
      } else if (const auto* const said = std::get_if<TemplateSaid>(&next)) {
        said_.emplace_back(said->text);
      } else {
        return next;
      }
    }
  }
  Failed failed_answer() { return std::get<Failed>(answer()); }
  Started started_answer() { return std::get<Started>(answer()); }
  Exited exited_answer() {
    Reply next = answer();
    if (std::holds_alternative<Started>(next)) next = answer();
    return std::get<Exited>(next);
  }
  void ping() {
    std::vector<std::byte> packet;
    encode(Ping{77}, packet);
    send(packet);
  }
  // Until a template of the application is in that state.
  Told until(uint32_t app, State state, uint32_t generation = 0) {
    for (int i = 0; i < 2000; ++i) {
      for (const Told& each : told_) {
        if (each.app == app && each.state == state && (generation == 0 || each.generation == generation))
          return each;
      }
      if (HasFailure()) break;
      listen_a_while();
    }
    ADD_FAILURE() << "no such state";
    return {};
  }
  void until_said(const std::string& line) {
    for (int i = 0; i < 2000 && std::ranges::find(said_, line) == said_.end(); ++i) listen_a_while();
  }
  // A Ping would wait for spawns that wait.
  void listen_a_while() {
    pollfd waiting{.fd = channel_.worker.get(), .events = POLLIN, .revents = 0};
    if (rest_.empty() && poll(&waiting, 1, 5) == 0) return;
    const Reply next = reply();
    if (const auto* const state = std::get_if<TemplateState>(&next)) {
      take(*state);
    } else if (const auto* const said = std::get_if<TemplateSaid>(&next)) {
      said_.emplace_back(said->text);
    } else {
      encode(next, passed_.emplace_back());
    }
  }
  bool was_told(uint32_t app, State state) const {
    return std::ranges::any_of(told_, [&](const Told& t) { return t.app == app && t.state == state; });
  }
  Pipes ask(uint64_t id, const std::string& wish, uint32_t app = kSite) {
    return spawn(id, "", query(wish), app);
  }
  // One that is served: its template is ready.
  Told ready(uint32_t app = kSite) {
    const Pipes pipes = ask(900 + app, "", app);
    EXPECT_EQ(exited_answer().status, 0);
    return until(app, State::kReady);
  }
  Renewed renew(uint32_t app) {
    std::vector<std::byte> packet;
    encode(Renew{.token = 5, .app = app}, packet);
    send(packet);
    return std::get<Renewed>(answer());
  }
  void start_instance(uint64_t id, std::string_view label) {
    const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    const Pipe errors = make_pipe();
    std::vector<std::byte> packet;
    encode_head({.id = id, .app = kPool, .input = Input::kListener, .label = label}, 0, packet);
    send(packet, {listener.get(), errors.write.get(), errors.read.get()});
  }
  void replace_worker() {
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_.worker.reset();
    options_.channels[0] = {.socket = pair->spawner.get(), .what = {++last_serial_, 0}};
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

  std::vector<Told> told_;
  std::vector<std::string> said_;
  std::deque<std::vector<std::byte>> passed_;
  std::vector<std::byte> answered_;
  KeptInstances kept_;
  uint64_t last_serial_ = 1;
};

}  // namespace remuda::spawner

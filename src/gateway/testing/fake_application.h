// SPDX-License-Identifier: Apache-2.0
//
// FakeApplication: a Source and a Wire whose conversations follow a script, for tests of handlers that ask
// applications. Each request takes the next Act; the last one is played for ever.
//
//     FakeApplication fake(loop);
//     fake.acts = {{.verdict = {Verdict::Kind::kNotBegun}}, {.output = {"Content-Type: a/b\n\nhello"}}};
//     AppHandler handler(loop, fake.application(), options);
//     ...
//     EXPECT_EQ(fake.asked[1].tried, ElementsAre(1));
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gateway/application.h"
#include "gateway/conversation.h"
#include "http/handler.h"
#include "loop/offload.h"

namespace remuda::gateway::testing {

struct Act {
  std::vector<std::string> output = {};  // given by one read() each
  Verdict verdict = {};                  // after them
  int error = 0;                 // of the read() after them, instead of the end; ETIMEDOUT: it works on
  bool reads_body = true;        // before it answers
  bool reads_body_last = false;  // after it has answered
  bool acquires = true;
  apps::AcquireFailure failure = {};  // if it does not
  int stopped = 0;
  uint64_t endpoint = 0;  // 0: one that was not asked before
};

// What one request was asked with.
struct Asked {
  std::string method;
  std::string target;
  std::string key;
  std::vector<uint64_t> tried;
  std::string variables;  // a line each
  std::string body;
  std::string data;
  Question::Role role = Question::Role::kResponder;
  bool has(std::string_view line) const {
    return ("\n" + variables).find("\n" + std::string(line) + "\n") != std::string::npos;
  }
  bool names(std::string_view name) const {
    return ("\n" + variables).find("\n" + std::string(name) + "=") != std::string::npos;
  }
};

class FakeApplication {
 public:
  explicit FakeApplication(loop::Loop& loop) : loop_(loop), source_(*this), wire_(*this) {}

  Application application() { return {source_, wire_, offload}; }

  std::vector<Act> acts;
  std::vector<Asked> asked;
  size_t leases = 0;  // that live
  size_t given_up = 0;
  size_t let_finish = 0;              // that owe their clients nothing
  std::vector<uint64_t> outlived_by;  // endpoints whose process lives on
  size_t endpoints = SIZE_MAX;        // that could be lent
  loop::Offload offload{0, 16};

 private:
  class FakeLease final : public apps::Lease {
   public:
    explicit FakeLease(FakeApplication& fake) : fake_(fake) { ++fake_.leases; }
    ~FakeLease() override { --fake_.leases; }
    void terminate(std::string_view) override {}
    void finish(apps::Outcome) override {}
    void at(apps::Phase) override {}
    void watch_kill(loop::Scope*) override {}
    apps::Journey& journey() override { return journey_; }

   private:
    FakeApplication& fake_;
    apps::Journey journey_;
  };

  class FakeConversation final : public Conversation {
   public:
    FakeConversation(FakeApplication& fake, std::unique_ptr<apps::Lease> lease, const Question& question)
        : fake_(fake),
          lease_(std::move(lease)),
          scope_(fake.loop_),
          data_(question.data),
          number_(fake.asked.size() - 1),
          act_(fake.acts[std::min(number_, fake.acts.size() - 1)]) {
      fake.asked[number_].role = question.role;
    }
    void begin(http::Body* body) override { body_ = body; }
    loop::Task<base::Result<size_t>> read(std::span<std::byte> into, loop::Time) override {
      if (act_.reads_body && !act_.reads_body_last)
        co_await read_all(std::exchange(body_, nullptr), fake_.asked[number_].body);
      co_await read_all(std::exchange(data_, nullptr), fake_.asked[number_].data);
      if (at_ == act_.output.size()) {
        if (act_.reads_body_last) co_await read_all(std::exchange(body_, nullptr), fake_.asked[number_].body);
        if (act_.error != 0) co_return base::failure(act_.error, "read");
        co_return size_t{0};
      }
      std::string& piece = act_.output[at_];
      const size_t count = std::min(into.size(), piece.size());
      std::memcpy(into.data(), piece.data(), count);
      piece.erase(0, count);
      if (piece.empty()) ++at_;
      co_return count;
    }
    loop::Task<void> stop_input() override {
      body_ = nullptr;
      data_ = nullptr;
      co_return;
    }
    void let_go(Debt debt) override {
      if (debt == Debt::kPaid) ++fake_.let_finish;
    }
    void give_up(std::string_view) override { ++fake_.given_up; }
    loop::Task<Verdict> ended(loop::Duration) override { co_return act_.verdict; }
    loop::Scope& scope() override { return scope_; }
    int stopped() const override { return act_.stopped; }
    int body_error() const override { return 0; }
    void set_trouble(std::string_view) override {}
    apps::Journey& journey() override { return lease_->journey(); }
    uint64_t endpoint() const override { return act_.endpoint != 0 ? act_.endpoint : number_ + 1; }

   private:
    static loop::Task<void> read_all(http::Body* body, std::string& into) {
      std::array<std::byte, 1000> room;
      while (body != nullptr) {
        const auto got = co_await body->read(room);
        if (!got || *got == 0) co_return;
        into.append(reinterpret_cast<const char*>(room.data()), *got);
      }
    }

    FakeApplication& fake_;
    std::unique_ptr<apps::Lease> lease_;
    loop::Scope scope_;
    http::Body* body_ = nullptr;
    http::Body* data_;
    const size_t number_;
    Act act_;
    size_t at_ = 0;
  };

  class FakeSource final : public apps::Source {
   public:
    explicit FakeSource(FakeApplication& fake) : fake_(fake) {}
    loop::Task<std::expected<std::unique_ptr<apps::Lease>, apps::AcquireFailure>> acquire(
        const apps::StartRequest& start, loop::Time) override {
      std::string variables(start.environment);
      std::ranges::replace(variables, '\0', '\n');
      fake_.asked.push_back({.method = std::string(start.method),
                             .target = std::string(start.target),
                             .key = std::string(start.key),
                             .tried = {start.tried.begin(), start.tried.end()},
                             .variables = variables});
      const Act& act = fake_.acts[std::min(fake_.asked.size(), fake_.acts.size()) - 1];
      if (!act.acquires) co_return std::unexpected(act.failure);
      co_return std::make_unique<FakeLease>(fake_);
    }
    std::string_view name() const override { return "fake"; }
    bool has_another(std::span<const uint64_t> tried) override { return tried.size() < fake_.endpoints; }
    loop::Task<bool> outlived(uint64_t endpoint) override {
      co_return std::ranges::find(fake_.outlived_by, endpoint) != fake_.outlived_by.end();
    }

   private:
    FakeApplication& fake_;
  };

  class FakeWire final : public Wire {
   public:
    explicit FakeWire(FakeApplication& fake) : fake_(fake) {}
    std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                           const Question& question) override {
      return std::make_shared<FakeConversation>(fake_, std::move(lease), question);
    }

   private:
    FakeApplication& fake_;
  };

  loop::Loop& loop_;
  FakeSource source_;
  FakeWire wire_;
};

// A handler that does what the test says.
class FunctionHandler final : public http::Handler {
 public:
  explicit FunctionHandler(std::function<void(http::Exchange&)> call) : call_(std::move(call)) {}
  loop::Task<void> handle(http::Exchange& exchange) override {
    call_(exchange);
    co_return;
  }

 private:
  std::function<void(http::Exchange&)> call_;
};

}  // namespace remuda::gateway::testing

// SPDX-License-Identifier: Apache-2.0
//
// ConversationWorld: a wire, an endpoint and a log in one deterministic world, and a story that has a
// conversation and notes what came of it. The application is the test.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/testing/fake_endpoint.h"
#include "gateway/wire.h"
#include "http/testing/fake_exchange.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway::testing {

// What came of one conversation.
struct Answer {
  std::string text;
  int error = 0;  // of the read that ended it
  Verdict verdict;
  int stopped = 0;
  int body_error = 0;
  bool done = false;
};

template <typename WireType>
class ConversationWorld {
 public:
  // `offload_threads`: none is a disk that is done at once.
  ConversationWorld(loop::DeterministicBackend& backend, loop::Loop& loop, WireOptions options = {},
                    unsigned offload_threads = 0)
      : backend_(backend), loop_(loop), beside_(loop), offload(offload_threads, 16), endpoint(loop, backend) {
    options.name = "app";
    wire.emplace(loop, offload, log, options);
    beside_.spawn(wire->run());
  }
  ~ConversationWorld() {
    loop_.run();
    beside_.cancel();
    while (beside_.children() > 0) loop_.turn(loop_.now());
    endpoint.connections.reset();
  }

  std::shared_ptr<Conversation> converse(const Question& question) {
    auto lease = std::make_unique<FakeLease>(endpoint, book);
    return wire->converse(std::move(lease), question);
  }

  // Begins at once, reads to the end; the exchange's side of the story.
  void ask(Answer& answer, const Question& question, http::Body* body = nullptr) {
    auto conversation = converse(question);
    conversation->begin(body);
    loop_.root().spawn(read_all(std::move(conversation), answer));
  }
  static loop::Task<void> read_all(std::shared_ptr<Conversation> conversation, Answer& answer) {
    std::array<std::byte, 4096> room;
    while (true) {
      const auto got = co_await conversation->read(room, loop::kNever);
      answer.error = got ? 0 : got.error().code;
      if (!got || *got == 0) break;
      answer.text.append(reinterpret_cast<const char*>(room.data()), *got);
    }
    co_await conversation->stop_input();
    answer.verdict = co_await conversation->ended(std::chrono::seconds(1));
    answer.stopped = conversation->stopped();
    answer.body_error = conversation->body_error();
    const bool whole = answer.verdict.kind == Verdict::Kind::kWhole;
    conversation->let_go(whole ? Conversation::Debt::kPaid : Conversation::Debt::kOwed);
    answer.done = true;
  }

  void turn(int times = 8) {
    for (int i = 0; i < times; ++i) loop_.turn(loop_.now());
  }
  std::string sent(size_t connection = 0) { return backend_.take(endpoint.far.at(connection)); }
  void answer(std::string_view bytes, size_t connection = 0) {
    backend_.put(endpoint.far.at(connection), bytes);
  }
  loop::Loop& loop() { return loop_; }

 private:
  loop::DeterministicBackend& backend_;
  loop::Loop& loop_;
  loop::Scope beside_;

 public:
  loop::Offload offload;
  FakeLog log;
  LeaseBook book;
  FakeEndpoint endpoint;
  std::optional<WireType> wire;
};

}  // namespace remuda::gateway::testing

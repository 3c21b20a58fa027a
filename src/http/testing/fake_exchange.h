// SPDX-License-Identifier: Apache-2.0
//
// FakeExchange: an Exchange without a connection, for tests of handlers.
//
//     FakeExchange exchange(loop, "GET", "/a?b");
//     exchange.request.fields.add(KnownName::kRange, "bytes=0-1");
//     exchange.run(handler);                      // turns the loop until the handler has answered
//     EXPECT_EQ(exchange.response.status, 206);
//     EXPECT_EQ(exchange.content(), "ab");        // pulls it as a driver would
//     EXPECT_EQ(exchange.field("ETag"), ...);     // of the fields and of the prepared ones
//
// Ends like an exchange of a driver: content that was not read is stopped, the holder is released, then what
// was kept.
#pragma once

#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "http/handler.h"
#include "loop/loop.h"

namespace remuda::http::testing {

// The first block of the arena stands before the exchange that uses it.
struct FakeMemory {
  std::array<std::byte, 16 * 1024> block;
  base::Arena fake_arena{block};
};

// A request body that is given whole, in pieces.
class FakeBody final : public Body {
 public:
  explicit FakeBody(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    while (piece_ < pieces_.size() && at_ == pieces_[piece_].size()) {
      ++piece_;
      at_ = 0;
    }
    if (piece_ == pieces_.size()) {
      if (error != 0) co_return base::failure(error, "read a body");
      co_return size_t{0};
    }
    const size_t count = std::min(into.size(), pieces_[piece_].size() - at_);
    std::memcpy(into.data(), pieces_[piece_].data() + at_, count);
    at_ += count;
    if (known_remaining) *known_remaining -= std::min<uint64_t>(count, *known_remaining);
    co_return count;
  }
  std::optional<uint64_t> remaining() const override { return known_remaining; }

  int error = 0;  // instead of the end
  std::optional<uint64_t> known_remaining;

 private:
  std::vector<std::string> pieces_;
  size_t piece_ = 0;
  size_t at_ = 0;
};

class FakeExchange final : private FakeMemory, public Exchange {
 public:
  struct Informed {
    int status;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  // `target`: in origin form, or "*". All texts outlive the exchange.
  FakeExchange(loop::Loop& its_loop, std::string_view method, std::string_view target)
      : Exchange(fake_arena, its_loop), scope_(its_loop) {
    const size_t question = target.find('?');
    request.method = method;
    request.target = target;
    request.raw_path = target.substr(0, question);
    request.has_query = question != std::string_view::npos;
    if (request.has_query) request.query = target.substr(question + 1);
    request.form = target == "*" ? TargetForm::kAsterisk : TargetForm::kOrigin;
    request.authority = "example.test";
    request.endpoints = &endpoints;
    request.local_ends = &local_ends_;
    request.id = 0x2a;
    request.began = its_loop.now();
  }
  ~FakeExchange() override { end(); }

  // Runs the handler to its end.
  void run(Handler& handler) {
    start(handler);
    finish();
  }
  // Starts it beside others; finish() turns the loop until it has answered.
  void start(Handler& handler) { scope_.spawn(handle_by(handler)); }
  void finish() {
    for (int turns = 0; !answered_; ++turns) {
      CHECK(turns < 100'000);
      loop.turn(loop.now() + std::chrono::milliseconds(20));
    }
  }
  bool answered() const { return answered_; }

  // The whole content as a GET would carry it; `error` has why it ended early, 0 if it did not.
  std::string content() {
    std::string text;
    if (const auto* memory = std::get_if<MemoryContent>(&response.content)) text = memory->bytes;
    if (const auto* file = std::get_if<FileContent>(&response.content)) read_file(*file, text);
    if (const auto* stream = std::get_if<StreamContent>(&response.content)) {
      bool done = false;
      scope_.spawn(read_stream(*stream->body, text, done));
      while (!done) loop.turn(loop.now() + std::chrono::milliseconds(20));
      read_to_end_ = true;
    }
    return text;
  }
  int error = 0;

  // All values of that name, joined with ", "; of the response's fields and of the prepared ones.
  std::string field(std::string_view name) const {
    std::string joined;
    auto take = [&](std::string_view its_name, std::string_view value) {
      if (!base::equal_ignoring_case(name, its_name)) return;
      if (!joined.empty()) joined += ", ";
      joined += value;
    };
    for (const Field& field : response.fields.all()) take(field.name, field.value);
    std::string_view lines = response.prepared_fields;
    while (!lines.empty()) {
      const size_t end = lines.find("\r\n");
      CHECK(end != std::string_view::npos);
      const std::string_view line = lines.substr(0, end);
      const size_t colon = line.find(':');
      CHECK(colon != std::string_view::npos);
      take(line.substr(0, colon), base::trim_whitespace(line.substr(colon + 1)));
      lines.remove_prefix(end + 2);
    }
    return joined;
  }

  // What a driver does when the client has gone for good.
  void lose_client() {
    client_gone_ = true;
    if (watching_ != nullptr) watching_->cancel(ECONNRESET);
  }

  // Ends the exchange before the destructor does: for tests that look at what it has released.
  void end() {
    if (ended_) return;
    ended_ = true;
    const auto* stream = std::get_if<StreamContent>(&response.content);
    if (stream != nullptr && !read_to_end_) scope_.spawn(stop_stream(*stream->body));
    while (scope_.children() > 0) loop.turn(loop.now() + std::chrono::milliseconds(20));
    if (response.holder != nullptr) response.holder->release();
    response.holder = nullptr;
    drop_kept();
  }

  loop::Task<base::Result<void>> inform(int status, const Fields& fields) override {
    Informed said{status, {}};
    for (const Field& field : fields.all()) said.fields.emplace_back(field.name, field.value);
    informed.push_back(std::move(said));
    if (inform_error != 0) co_return base::failure(inform_error, "too much of it");
    co_return base::Result<void>();
  }
  void watch_client(loop::Scope& scope) override {
    watching_ = &scope;
    if (client_gone_) scope.cancel(ECONNRESET);
  }
  void stop_watching() override { watching_ = nullptr; }

  Endpoints endpoints;
  std::vector<Informed> informed;  // what inform() was told
  int inform_error = 0;            // what it fails with

 private:
  LocalEnds local_ends_;
  loop::Task<void> handle_by(Handler& handler) {
    co_await handler.handle(*this);
    answered_ = true;
  }

  loop::Task<void> read_stream(Body& body, std::string& text, bool& done) {
    std::array<std::byte, 1000> room;
    while (true) {
      const auto got = co_await body.read(room);
      if (!got) error = got.error().code;
      if (!got || *got == 0) break;
      text.append(reinterpret_cast<const char*>(room.data()), *got);
    }
    done = true;
  }
  loop::Task<void> stop_stream(Body& body) { co_await body.stop(); }

  static void read_file(const FileContent& file, std::string& text) {
    text.resize(file.length);
    size_t have = 0;
    while (have < text.size()) {
      const ssize_t got =
          ::pread(file.fd, text.data() + have, text.size() - have, static_cast<off_t>(file.offset + have));
      if (got <= 0) break;
      have += static_cast<size_t>(got);
    }
    text.resize(have);
  }

  loop::Scope scope_;
  loop::Scope* watching_ = nullptr;
  bool answered_ = false;
  bool client_gone_ = false;
  bool read_to_end_ = false;
  bool ended_ = false;
};

}  // namespace remuda::http::testing

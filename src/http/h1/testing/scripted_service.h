// SPDX-License-Identifier: Apache-2.0
//
// ScriptedService: the Service of the driver's tests. What it answers is a function of the test; it keeps
// what the driver reported, and checks that each exchange is reported once.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "http/handler.h"
#include "loop/loop.h"

namespace remuda::http::h1::testing {

// The record of an exchange, with what its views pointed to.
struct Finished {
  std::string method;
  std::string target;
  std::string host;
  Record record;
  std::string trouble;
};

class ScriptedService : public Service {
 public:
  using Answer = std::function<loop::Task<void>(Exchange&)>;

  // Coroutines may refer to what `answer` has captured: it lives as long as this.
  Answer answer;
  bool close_after_response = false;
  std::vector<Finished> log;
  std::map<uint64_t, int> times_finished;

  loop::Task<void> handle(Exchange& exchange) override { return answer(exchange); }

  void refuse(Exchange& exchange, int status, std::string_view why) override {
    exchange.response.status = status;
    exchange.response.fields.add(KnownName::kContentType, "text/plain");
    exchange.response.content = MemoryContent{exchange.arena.copy(why)};
  }

  void finished(const Exchange& exchange, const Record& record) override {
    ++times_finished[exchange.request.id];
    log.push_back({std::string(exchange.request.method), std::string(exchange.request.target),
                   std::string(exchange.request.authority), record, std::string(record.trouble)});
  }

  bool should_close() override { return close_after_response; }
  uint64_t next_request_id() override { return ++last_id_; }

 private:
  uint64_t last_id_ = 0;
};

// A stream made of pieces, one each read. A failure instead of its end if `failure` is not 0. Counts stop().
class PiecesBody final : public Body {
 public:
  explicit PiecesBody(std::vector<std::string> pieces, int failure = 0)
      : pieces_(std::move(pieces)), failure_(failure) {}

  bool is_ready = false;
  const Fields* trailer_section = nullptr;
  int* stops = nullptr;

  size_t ready() const override { return is_ready && next_ < pieces_.size() ? pieces_[next_].size() : 0; }
  const Fields* trailers() const override { return trailer_section; }
  loop::Task<void> stop() override {
    if (stops != nullptr) ++*stops;
    co_return;
  }
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    if (next_ == pieces_.size()) {
      if (failure_ != 0) co_return base::failure(failure_, "the application broke off");
      co_return 0;
    }
    std::string& piece = pieces_[next_];
    const size_t count = std::min(into.size(), piece.size());
    std::memcpy(into.data(), piece.data(), count);
    piece.erase(0, count);
    if (piece.empty()) ++next_;
    co_return count;
  }

 private:
  std::vector<std::string> pieces_;
  int failure_;
  size_t next_ = 0;
};

// A response's stream that is the request's body.
class ReadsRequest final : public Body {
 public:
  explicit ReadsRequest(Exchange& exchange) : exchange_(exchange) {}
  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override {
    co_return co_await exchange_.request.body->read(into);
  }

 private:
  Exchange& exchange_;
};

// Says back what it hears, to its end.
class Echo final : public Takeover {
 public:
  loop::Task<void> run(ByteStream& stream) override {
    std::array<std::byte, 100> buffer;
    while (true) {
      const auto got = co_await stream.read(buffer);
      if (!got || *got == 0) co_return;
      if (!co_await stream.write(std::span(buffer).first(*got))) co_return;
    }
  }
};

// Reads the request's body to its end. Its error is put into `error`.
inline loop::Task<void> read_body(Exchange& exchange, std::string& into, int& error,
                                  size_t buffer_bytes = 1000) {
  std::vector<std::byte> buffer(buffer_bytes);
  while (exchange.request.body != nullptr) {
    const auto got = co_await exchange.request.body->read(buffer);
    if (!got) error = got.error().code;
    if (!got || *got == 0) co_return;
    into.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

}  // namespace remuda::http::h1::testing

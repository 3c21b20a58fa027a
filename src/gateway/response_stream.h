// SPDX-License-Identifier: Apache-2.0
//
// ResponseStream: a program's output after its header, as the body of the response. First what came with the
// header, then the pipe, pulled as fast as the client reads.
//
// Kept by the exchange; letting it go tells the Run whether the client was given everything. A program that
// was killed, or that gave less than it announced, is an error and never a normal end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/run.h"
#include "http/body.h"
#include "http/handler.h"

namespace remuda::gateway {

// Where the head of the response is read into, and what came behind it.
class OutputBuffer {
 public:
  explicit OutputBuffer(size_t first_size) : bytes_(new char[first_size]), capacity_(first_size) {}

  std::string_view text() const { return {bytes_.get(), size_}; }
  std::span<std::byte> room() {
    return {reinterpret_cast<std::byte*>(bytes_.get()) + size_, capacity_ - size_};
  }
  void added(size_t count) { size_ += count; }
  // More room; false at the limit.
  bool grow(size_t limit);

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_;
  size_t size_ = 0;
};

class ResponseStream final : public http::Body {
 public:
  ResponseStream(std::shared_ptr<Run> run, http::Exchange& exchange)
      : run_(std::move(run)), exchange_(exchange) {}
  ~ResponseStream() override;
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  OutputBuffer buffer{8 * 1024};

  // What stands in the buffer behind `begin` comes first. `length`: what the program announced.
  void open(size_t begin, std::optional<uint64_t> length);
  // The whole content has been handed over as memory.
  void settle() { debt_ = Run::Debt::kPaid; }

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  size_t ready() const override { return rest_.size(); }
  loop::Task<void> stop() override { return run_->stop_input(); }

  Run& run() { return *run_; }

 private:
  loop::Task<base::Result<size_t>> end();
  void count(size_t bytes);
  std::unexpected<base::Error> fail(std::string_view trouble);

  std::shared_ptr<Run> run_;
  http::Exchange& exchange_;
  std::string_view rest_;
  std::optional<uint64_t> length_;
  uint64_t given_ = 0;
  Run::Debt debt_ = Run::Debt::kOwed;
};

}  // namespace remuda::gateway

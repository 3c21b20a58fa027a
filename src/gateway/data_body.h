// SPDX-License-Identifier: Apache-2.0
//
// DataBody: the content of a response as a body that can be read again: what a Filter gets on DATA. Memory is
// copied out, a file read (on an offload thread where it would wait for the disk).
//
// Takes the response's holder, and with it the memory or file, until it goes: kept by the exchange.
#pragma once

#include <optional>

#include "gateway/rewindable.h"
#include "http/message.h"

namespace remuda::gateway {

class DataBody final : public Rewindable {
 public:
  // Empties the response. Its content is memory or a file.
  DataBody(http::Response& response, loop::Loop& loop, loop::Offload& offload);
  ~DataBody() override;
  DataBody(const DataBody&) = delete;
  DataBody& operator=(const DataBody&) = delete;

  static bool takes(const http::Content& content);

  uint64_t size() const { return size_; }

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  size_t ready() const override { return file_.fd < 0 ? size_ - at_ : 0; }
  std::optional<uint64_t> remaining() const override { return size_ - at_; }
  void rewind() override { at_ = 0; }

 private:
  loop::Loop& loop_;
  loop::Offload& offload_;
  http::Holder* holder_;
  http::MemoryContent memory_;
  http::FileContent file_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;
};

}  // namespace remuda::gateway

// SPDX-License-Identifier: Apache-2.0
//
// Spool: takes a whole body in, so that its length is known, a slow client holds no process, and the body can
// be sent again: in memory up to a bound, beyond in a file without a name.
//
// An application gets it as a Body, or as a descriptor where a program reads it. Writes to the disk, and
// reads that are not warm, happen on offload threads. One exchange; outlives the conversations that read it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "gateway/rewindable.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

struct SpoolBounds {
  uint64_t memory = 1024 * 1024;  // bytes; beyond, a file in `directory`
  uint64_t most = UINT64_MAX;     // bytes; EMSGSIZE beyond
  std::string_view directory = "/tmp";
};

class Spool final : public Rewindable {
 public:
  Spool(loop::Loop& loop, loop::Offload& offload, const SpoolBounds& bounds)
      : loop_(loop), offload_(offload), bounds_(bounds) {}

  // Once. Errors: of Body::read, EMSGSIZE, of the file (ENOSPC above all).
  loop::Task<base::Result<void>> take(http::Body& body);

  uint64_t size() const { return size_; }

  // All of it as a file that stands at its beginning; the spool keeps the descriptor.
  base::Result<int> descriptor();

  loop::Task<base::Result<size_t>> read(std::span<std::byte> into) override;
  size_t ready() const override { return file_ ? 0 : size_ - at_; }
  std::optional<uint64_t> remaining() const override { return size_ - at_; }
  void rewind() override { at_ = 0; }

 private:
  std::span<std::byte> room(std::optional<uint64_t> still_to_come);
  base::Result<void> open_file();
  loop::Task<base::Result<void>> store(std::span<const std::byte> piece);

  loop::Loop& loop_;
  loop::Offload& offload_;
  const SpoolBounds bounds_;
  std::unique_ptr<std::byte[]> memory_;  // the content, or a piece on its way to the file
  uint64_t capacity_ = 0;
  base::Fd file_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;  // of whoever reads
};

}  // namespace remuda::gateway

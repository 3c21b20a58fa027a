// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/data_body.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace remuda::gateway {

DataBody::DataBody(http::Response& response, loop::Loop& loop, loop::Offload& offload)
    : loop_(loop), offload_(offload), holder_(std::exchange(response.holder, nullptr)) {
  if (const auto* memory = std::get_if<http::MemoryContent>(&response.content)) memory_ = *memory;
  if (const auto* file = std::get_if<http::FileContent>(&response.content)) file_ = *file;
  size_ = file_.fd >= 0 ? file_.length : memory_.bytes.size();
  response.content = std::monostate();
  response.fields.clear();
  response.prepared_fields = {};
  response.reason = {};
  response.length.reset();
  response.status = 0;
}

DataBody::~DataBody() {
  if (holder_ != nullptr) holder_->release();
}

bool DataBody::takes(const http::Content& content) {
  return std::holds_alternative<http::MemoryContent>(content) ||
         std::holds_alternative<http::FileContent>(content);
}

loop::Task<base::Result<size_t>> DataBody::read(std::span<std::byte> into) {
  const auto piece = into.first(std::min<uint64_t>(into.size(), size_ - at_));
  if (piece.empty()) co_return size_t{0};
  if (file_.fd < 0) {
    std::memcpy(piece.data(), memory_.bytes.data() + at_, piece.size());
    at_ += piece.size();
    co_return piece.size();
  }
  const auto got = co_await read_file(file_.fd, file_.offset + at_, piece, loop_, offload_);
  if (got && *got == 0) co_return base::failure(EIO, "read a file that has become shorter");
  if (got) at_ += *got;
  co_return got;
}

}  // namespace remuda::gateway

// SPDX-License-Identifier: Apache-2.0
//
// All text is made at the start, so the length of the whole is known before the first byte.
#include "content/multipart.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace remuda::content {

namespace {

std::string random_boundary() {
  std::array<uint64_t, 2> bits{};
  CHECK(::getrandom(bits.data(), sizeof bits, GRND_INSECURE) == sizeof bits);
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

base::Result<size_t> result_of(ssize_t got) {
  if (got < 0) return base::failure_from_errno("read a file");
  if (got == 0) return base::failure(EIO, "the file became shorter while it was sent");
  return static_cast<size_t>(got);
}

}  // namespace

MultipartBody::MultipartBody(loop::Loop& loop, loop::Offload& offload, const Variant& variant,
                             std::string_view content_type, std::span<const ByteRange> ranges)
    : loop_(loop), offload_(offload), variant_(variant), boundary_(random_boundary()) {
  for (const ByteRange& range : ranges) {
    parts_.push_back({fmt::format("{}--{}\r\nContent-Type: {}\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
                                  parts_.empty() ? "" : "\r\n", boundary_, content_type, range.first,
                                  range.end() - 1, variant.size()),
                      range});
  }
  parts_.push_back({fmt::format("\r\n--{}--\r\n", boundary_), {}});
  for (const Part& part : parts_) remaining_ += part.text.size() + part.range.length;
}

loop::Task<base::Result<size_t>> MultipartBody::read(std::span<std::byte> into) {
  if (part_ == parts_.size()) co_return size_t{0};
  Part& part = parts_[part_];
  base::Result<size_t> got = size_t{0};
  if (text_sent_ < part.text.size()) {
    got = std::min(into.size(), part.text.size() - text_sent_);
    std::memcpy(into.data(), part.text.data() + text_sent_, *got);
    text_sent_ += *got;
  } else {
    got = co_await read_range(part.range, into);
    if (!got) co_return got;
  }
  remaining_ -= *got;
  if (text_sent_ == part.text.size() && part.range.length == 0) {
    ++part_;
    text_sent_ = 0;
  }
  co_return got;
}

// Takes what it has read off the range.
loop::Task<base::Result<size_t>> MultipartBody::read_range(ByteRange& range, std::span<std::byte> into) {
  into = into.first(std::min<uint64_t>(into.size(), range.length));
  base::Result<size_t> got = into.size();
  if (!variant_.file) {
    std::memcpy(into.data(), variant_.bytes.data() + range.first, into.size());
  } else {
    const int fd = variant_.file.get();
    const auto offset = static_cast<off_t>(range.first);
    const iovec piece{into.data(), into.size()};
    const ssize_t now = ::preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
    if (now > 0) {
      got = static_cast<size_t>(now);
    } else {
      got = co_await offload_.run(loop_,
                                  [=] { return result_of(::pread(fd, into.data(), into.size(), offset)); });
    }
  }
  if (got) {
    range.first += *got;
    range.length -= *got;
  }
  co_return got;
}

}  // namespace remuda::content
